/* SPDX-License-Identifier: MIT */
/* words.c: what the reports say of classes and findings. */
#include <stdlib.h>
#include <string.h>

#include "check/report.h"

static const struct {
    const char *name, *advice;
} words[FINDING_KINDS] = {
    [FINDING_CLOBBER] = { "clobber", "Build it with -fno-omit-frame-pointer; in assembly, use another register." },
    [FINDING_RECORD] = { "record", "Let the frame pointer point at the pair {caller's frame pointer, return address}." },
    [FINDING_NOT_RESTORED] = { "not-restored", "Put the caller's frame pointer back before the function is left." },
    [FINDING_CFI] = { "cfi", "Mend the .cfi directives: gdb, perf and exceptions follow them." },
    [FINDING_TORN] = { "torn", "Let every way to this place move the stack pointer by the same amount." },
    [FINDING_RETURN] = { "return", "Pop what was pushed before returning." },
    [FINDING_SIBLING] = { "sibling", "Take the frame down before jumping on, or call." },
    [FINDING_FALLS_THROUGH] = { "falls-through", "End the function with a return, a jump, or ud2." },
    [FINDING_NO_CODE] = { "no-code", "Mark data as data, or tell of the missing decoder." },
    [FINDING_LARGE_FRAME] = { "large-frame", "Build it with -fstack-clash-protection, or allocate elsewhere: the guard of a"
                                             " goroutine's stack is 64 KiB." },
    [FINDING_STACK_SWITCH] = { "stack-switch", "A foreign stack switch hides goroutines from every walker: let rung switch,"
                                               " or allow it with a reason." },
    [FINDING_THREAD_LOCAL] = { "thread-local", "Take the address anew after the call: the goroutine may go on in another"
                                               " thread (rung_errno.h, rung_pin)." },
    [FINDING_UNTYPED] = { "untyped", "Give it .type NAME, @function, so that tools know it for one." },
};

const char *finding_name(enum finding_kind kind)
{
    return words[kind].name;
}

bool is_class_or_finding(const char *name)
{
    for (int i = CLASS_FRAMED; i < CLASSES; i++)
        if (strcmp(name, class_name(i)) == 0)
            return true;
    for (int i = 1; i < FINDING_KINDS; i++)
        if (strcmp(name, finding_name(i)) == 0)
            return true;
    return false;
}

const char *finding_advice(enum finding_kind kind)
{
    return words[kind].advice;
}

const char *class_meaning(enum class class)
{
    switch (class) {
    case CLASS_FRAMED: return "a walk is exact";
    case CLASS_LEAF: return "hides its caller while it is on top";
    case CLASS_TRANSPARENT: return "its caller is missing from each walk";
    case CLASS_CLOBBER: return "a walk ends or goes astray";
    case CLASS_UNKNOWN: return "could not be followed";
    default: return "";
    }
}

const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

char *function_name(const struct elf_file *file, const struct elf_function *function)
{
    char text[64];
    if (function->name != NULL) {
        char *demangled = source_demangle(function->name);
        return demangled != NULL ? demangled : strdup(function->name);
    }
    const struct elf_section *section = &file->code.items[function->section];
    uint64_t address = function->start - (file->type == ET_REL ? section->address : 0);
    snprintf(text, sizeof text, "%s_%llx", function->flags & FUNCTION_IS_PART ? "part" : "function",
             (unsigned long long)address);
    return strdup(text);
}

/* ---- sentences ---- */

static void cfi_sentence(const struct report *report, const struct finding *finding, char *text, size_t size)
{
    static const char *const columns[] = { "the CFA", "the caller's frame pointer", "the return address" };
    const char *base = finding->column == 0 && finding->said_register < REGISTERS
                           ? report->cpu->register_names[finding->said_register] : "CFA";
    char said[64], is[64];
    if (finding->said == INT32_MIN)
        snprintf(said, sizeof said, "is unchanged");
    else
        snprintf(said, sizeof said, "is %s%s%+d", finding->column == 0 ? "" : "saved at ", base, finding->said);
    if (finding->column == 0 && finding->is != INT32_MIN)
        snprintf(is, sizeof is, ", but by the code it is %s%+d", base, finding->is);
    else
        snprintf(is, sizeof is, ", but by the code it is not");
    snprintf(text, size, "CFI wrong at +0x%x: it says that %s %s%s.", finding->offset, columns[finding->column], said, is);
}

/* What the call at the offset calls, for sentences: " of NAME", or nothing. */
static void callee_text(const struct report *report, const struct elf_function *function, uint32_t offset, char *text,
                        size_t size)
{
    const struct elf_section *section = &report->file->code.items[function->section];
    uint64_t address = function->start + offset;
    text[0] = '\0';
    const uint8_t *bytes = section->bytes + (address - section->address);
    const struct form *form = decode(report->decoder, bytes, section->address + section->size - address);
    if (form->operation == CALL || form->operation == JUMP) {
        const char *name = elf_target_name(report->file, address, form_value(form, bytes, address));
        if (name != NULL)
            snprintf(text, size, " of %s", name);
    }
}

void finding_sentence(const struct report *report, const struct elf_function *function, const struct finding *finding,
                      char *text, size_t size)
{
    const char *fp = report->cpu->register_names[report->cpu->fp], *sp = report->cpu->register_names[report->cpu->sp];
    char callee[160];
    switch (finding->kind) {
    case FINDING_CLOBBER:
    case FINDING_RECORD: {
        const char *what = finding->kind == FINDING_CLOBBER ? "holds something else than a frame's address"
                                                            : "points into the frame, but not at a true record";
        if (finding->other == UNKNOWN_OFFSET) {
            snprintf(text, size, "%s %s from +0x%x on.", fp, what, finding->offset);
            break;
        }
        callee_text(report, function, finding->other, callee, sizeof callee);
        snprintf(text, size, "%s %s from +0x%x on, and so at the call%s at +0x%x.", fp, what, finding->offset, callee,
                 finding->other);
        break;
    }
    case FINDING_NOT_RESTORED:
        snprintf(text, size, "The function is left at +0x%x with another %s than its caller's.", finding->offset, fp);
        break;
    case FINDING_CFI: cfi_sentence(report, finding, text, size); break;
    case FINDING_TORN:
        snprintf(text, size, "Ways with different stack pointers meet at +0x%x.", finding->offset);
        break;
    case FINDING_RETURN:
        snprintf(text, size, "Returns at +0x%x with %s off by %d bytes.", finding->offset, sp, finding->is);
        break;
    case FINDING_SIBLING:
        callee_text(report, function, finding->offset, callee, sizeof callee);
        snprintf(text, size, "Jumps to the start%s at +0x%x with %s off by %d bytes.",
                 callee[0] ? callee : " of another function", finding->offset, sp, finding->is);
        break;
    case FINDING_FALLS_THROUGH:
        snprintf(text, size, "Runs on at +0x%x into what follows the function.", finding->offset);
        break;
    case FINDING_NO_CODE:
        snprintf(text, size, finding->is_target ? "Jumps or calls at +0x%x to where the file has no code."
                                                : "Runs at +0x%x into what is no instruction.", finding->offset);
        break;
    case FINDING_LARGE_FRAME:
        snprintf(text, size, "%s has gone down by %d bytes at +0x%x, and none of them was touched.", sp, finding->is,
                 finding->offset);
        break;
    case FINDING_STACK_SWITCH:
        snprintf(text, size, "%s is loaded at +0x%x with what is not of this frame.", sp, finding->offset);
        break;
    case FINDING_THREAD_LOCAL:
        snprintf(text, size, "Uses at +0x%x the address of a thread-local that was taken before a call that may park.",
                 finding->offset);
        break;
    case FINDING_UNTYPED:
        callee_text(report, function, finding->offset, callee, sizeof callee);
        snprintf(text, size, "The callee%s of the call at +0x%x has a symbol that is not that of a function.",
                 callee[0] ? callee + 3 : "", finding->offset);
        break;
    default: text[0] = '\0'; break;
    }
}
