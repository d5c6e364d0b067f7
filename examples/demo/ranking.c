/* SPDX-License-Identifier: MIT */
/*
 * ranking.c: one pass over the tables; the few best are kept in order by insertion.
 */
#include "ranking.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Sorted by strcmp, for bsearch. */
/* clang-format off */
static const char *const keywords[] = {
    "_Alignas", "_Alignof", "_Atomic", "_Bool", "_Complex", "_Generic", "_Imaginary", "_Noreturn",
    "_Static_assert", "_Thread_local", "alignas", "alignof", "asm", "auto", "bool", "break", "case",
    "catch", "char", "class", "const", "const_cast", "constexpr", "continue", "decltype", "default",
    "defined", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit", "export",
    "extern", "false", "final", "float", "for", "friend", "goto", "if", "inline", "int", "long",
    "mutable", "namespace", "new", "noexcept", "nullptr", "operator", "override", "private",
    "protected", "public", "register", "reinterpret_cast", "restrict", "return", "short", "signed",
    "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template", "this",
    "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned",
    "using", "virtual", "void", "volatile", "wchar_t", "while",
};
/* clang-format on */

static int compare_keywords(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

static bool is_keyword(const struct rank *rank)
{
    char name[20];
    if (rank->length >= sizeof name)
        return false;
    memcpy(name, rank->name, rank->length);
    name[rank->length] = '\0';
    return bsearch(name, keywords, sizeof keywords / sizeof *keywords, sizeof *keywords,
                   compare_keywords) != NULL;
}

static bool is_above(const struct rank *left, const struct rank *right)
{
    size_t shorter = left->length < right->length ? left->length : right->length;
    if (left->count != right->count)
        return left->count > right->count;
    int order = memcmp(left->name, right->name, shorter);
    return order < 0 || (order == 0 && left->length < right->length);
}

static void insert(struct ranking *ranking, const struct rank *rank)
{
    int at = ranking->used;
    if (at < RANKS)
        ranking->used++;
    else if (!is_above(rank, &ranking->ranks[--at]))
        return;
    for (; at > 0 && is_above(rank, &ranking->ranks[at - 1]); at--)
        ranking->ranks[at] = ranking->ranks[at - 1];
    ranking->ranks[at] = *rank;
}

void ranking_make(struct ranking *ranking, const struct counts *counts)
{
    *ranking = (struct ranking){ .used = 0 };
    for (int part = 0; part < TABLE_PARTS; part++) {
        const struct table *table = &counts->parts[part];
        for (size_t i = 0; i < table->capacity; i++) {
            const struct word *word = &table->words[i];
            if (word->count == 0)
                continue;
            const char *name = table->names + word->name;
            const struct rank rank = { word->count, name + 1, (unsigned char)name[0] };
            if (is_keyword(&rank))
                continue;
            ranking->found += rank.count;
            ranking->different++;
            insert(ranking, &rank);
        }
    }
}
