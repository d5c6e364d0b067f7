// SPDX-License-Identifier: MIT
//
// boost_fiber_bench.cpp: the workloads of rung_bench over Boost.Fiber. `PROGRAM WORKLOAD --seconds S`
// prints `workload value unit`.
//
// -1p: round_robin and a pool of 64 KiB stacks. -2p: work_stealing over two threads, and stacks
// from malloc, since the pool serves one thread only. Skynet takes its stacks from malloc either way
// (the pool needs over 30 s). Channels of Boost's: unbuffered_channel, and buffered_channel, which
// holds one item less than its capacity says.
#include <boost/fiber/all.hpp>
#include <boost/fiber/algo/work_stealing.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace fibers = boost::fibers;

enum : long {
    STACK_SIZE = 64 * 1024,
    YIELDS = 1000000,
    ROUND_TRIPS = 200000,
    BUFFERED_ITEMS = 1000000,
    SPAWN_WAVES = 200,
    SPAWN_WAVE = 1000,
    JOINS = 100000,
    ADDITIONS = 4000000,
    SKYNET_LEAVES = 1000000,
    SIEVE_PRIMES = 2000,
    RING_LENGTH = 503,
    RING_HOPS = RING_LENGTH * 400,
    NAPS = 2000,
    PARKED = 1000000,
};

using channel = fibers::unbuffered_channel<long>;

static bool has_two_processors;
static char last_remark[128];

static std::int64_t now()
{
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

static fibers::pooled_fixedsize_stack &pool()
{
    static fibers::pooled_fixedsize_stack stacks(STACK_SIZE);
    return stacks;
}

template <typename Function> static fibers::fiber start(Function function)
{
    if (has_two_processors)
        return fibers::fiber(std::allocator_arg, fibers::fixedsize_stack(STACK_SIZE), function);
    return fibers::fiber(std::allocator_arg, pool(), function);
}

// ---- a wait group: the last to report wakes the waiter -------------------------------------

class wait_group {
public:
    explicit wait_group(long count) : left(count) {}

    void done()
    {
        if (left.fetch_sub(1) > 1)
            return;
        std::unique_lock<fibers::mutex> lock(mutex);
        is_done = true;
        changed.notify_one();
    }

    void wait()
    {
        std::unique_lock<fibers::mutex> lock(mutex);
        changed.wait(lock, [this] { return is_done; });
    }

private:
    std::atomic<long> left;
    bool is_done = false;
    fibers::mutex mutex;
    fibers::condition_variable changed;
};

// ---- yield, pingpong, buffered -------------------------------------------------------------

static double batch_yield()
{
    auto yield_often = [] {
        for (long i = 0; i < YIELDS / 2; i++)
            boost::this_fiber::yield();
    };
    std::int64_t begin = now();
    fibers::fiber first = start(yield_often), second = start(yield_often);
    first.join();
    second.join();
    return double(now() - begin) / YIELDS;
}

static double batch_pingpong()
{
    channel there, back;
    fibers::fiber echo = start([&] {
        for (long item; there.pop(item) == fibers::channel_op_status::success;)
            back.push(item);
    });
    std::int64_t begin = now();
    for (long i = 0, item; i < ROUND_TRIPS; i++) {
        there.push(i);
        back.pop(item);
    }
    double result = double(now() - begin) / ROUND_TRIPS;
    there.close();
    echo.join();
    return result;
}

static double batch_buffered()
{
    fibers::buffered_channel<long> items(128);
    std::int64_t begin = now();
    fibers::fiber sender = start([&] {
        for (long i = 0; i < BUFFERED_ITEMS; i++)
            items.push(i);
        items.close();
    });
    for (long item; items.pop(item) == fibers::channel_op_status::success;)
        ;
    double result = double(now() - begin) / BUFFERED_ITEMS;
    sender.join();
    return result;
}

// ---- spawn, spawnjoin, mutex4 --------------------------------------------------------------

static double batch_spawn()
{
    std::int64_t begin = now();
    for (long wave = 0; wave < SPAWN_WAVES; wave++) {
        wait_group left(SPAWN_WAVE);
        for (long i = 0; i < SPAWN_WAVE; i++)
            start([&left] { left.done(); }).detach();
        left.wait();
    }
    return double(now() - begin) / (SPAWN_WAVES * SPAWN_WAVE);
}

static double batch_spawnjoin()
{
    channel items;
    std::int64_t begin = now();
    for (long i = 0, item; i < JOINS; i++) {
        start([&items] { items.push(1); }).detach();
        items.pop(item);
    }
    double result = double(now() - begin) / JOINS;
    boost::this_fiber::yield(); // the last one leaves the channel
    return result;
}

static double batch_mutex4()
{
    fibers::mutex mutex;
    long total = 0;
    auto add = [&] {
        for (long i = 0; i < ADDITIONS / 4; i++) {
            std::lock_guard<fibers::mutex> lock(mutex);
            total++;
        }
    };
    std::int64_t begin = now();
    std::vector<fibers::fiber> adders;
    for (int i = 0; i < 4; i++)
        adders.push_back(start(add));
    for (fibers::fiber &adder : adders)
        adder.join();
    if (total != ADDITIONS)
        std::abort();
    return double(now() - begin) / ADDITIONS;
}

// ---- skynet, sieve2000, ring503 ------------------------------------------------------------

static void skynet(channel &parent, long number, long leaves)
{
    if (leaves == 1) {
        parent.push(number);
        return;
    }
    channel sums;
    std::vector<fibers::fiber> children;
    for (long i = 0, part = leaves / 10; i < 10; i++)
        children.emplace_back(fibers::launch::dispatch, std::allocator_arg,
            fibers::fixedsize_stack(STACK_SIZE),
            [&sums, number, i, part] { skynet(sums, number + i * part, part); });
    long sum = 0, part;
    for (int i = 0; i < 10; i++) {
        sums.pop(part);
        sum += part;
    }
    for (fibers::fiber &child : children)
        child.join();
    parent.push(sum);
}

static double batch_skynet()
{
    channel result;
    long sum;
    std::int64_t begin = now();
    fibers::fiber root = start([&] { skynet(result, 0, SKYNET_LEAVES); });
    result.pop(sum);
    if (sum != SKYNET_LEAVES * (SKYNET_LEAVES - 1) / 2)
        std::abort();
    double milliseconds = double(now() - begin) / 1e6;
    root.join();
    return milliseconds;
}

static void filter(channel &source, channel &target, long prime)
{
    for (long number; source.pop(number) == fibers::channel_op_status::success;)
        if (number % prime != 0 && target.push(number) != fibers::channel_op_status::success)
            break;
    source.close();
}

static double batch_sieve()
{
    std::vector<std::unique_ptr<channel>> chain;
    std::vector<fibers::fiber> stages;
    std::int64_t begin = now();
    chain.emplace_back(new channel);
    stages.push_back(start([first = chain[0].get()] {
        for (long number = 2; first->push(number) == fibers::channel_op_status::success; number++)
            ;
    }));
    long prime = 0;
    for (long i = 1; chain.back()->pop(prime), i < SIEVE_PRIMES; i++) {
        channel *source = chain.back().get(), *target = new channel;
        chain.emplace_back(target);
        stages.push_back(start([=] { filter(*source, *target, prime); }));
    }
    double result = double(now() - begin) / 1e6;
    if (prime != 17389)
        std::abort();
    chain.back()->close();
    for (fibers::fiber &stage : stages)
        stage.join();
    return result;
}

static double batch_ring()
{
    std::vector<channel> links(RING_LENGTH);
    std::vector<fibers::fiber> ring;
    channel done;
    for (long i = 0; i < RING_LENGTH; i++)
        ring.push_back(start([&, i] {
            channel &target = links[(i + 1) % RING_LENGTH];
            for (long token; links[i].pop(token) == fibers::channel_op_status::success;)
                (--token > 0 ? target : done).push(token);
        }));
    long token;
    std::int64_t begin = now();
    links[0].push(RING_HOPS);
    done.pop(token);
    double result = double(now() - begin) / RING_HOPS;
    for (channel &link : links)
        link.close();
    for (fibers::fiber &fiber : ring)
        fiber.join();
    return result;
}

// ---- sleep100us-p99-late, parked1m ---------------------------------------------------------

static double batch_nap()
{
    std::vector<std::int64_t> late(NAPS);
    for (std::int64_t &one : late) {
        std::int64_t begin = now();
        boost::this_fiber::sleep_for(std::chrono::microseconds(100));
        one = now() - begin - 100000;
    }
    std::sort(late.begin(), late.end());
    return double(late[NAPS * 99 / 100]) / 1e3;
}

// A line of /proc/self/status or /proc/meminfo such as "VmRSS:", in bytes.
static double status_bytes(const char *file, const char *name)
{
    char line[256];
    long kilobytes = -1;
    std::FILE *status = std::fopen(file, "r");
    while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr)
        if (std::strncmp(line, name, std::strlen(name)) == 0)
            kilobytes = std::atol(line + std::strlen(name));
    if (kilobytes < 0)
        std::abort();
    std::fclose(status);
    return double(kilobytes) * 1024;
}

static double measure_parked(std::size_t stack_size)
{
    if (status_bytes("/proc/meminfo", "MemAvailable:") < 16e9)
        return -1; // a million with the default stack take up to 12.5 GB
    double resident = status_bytes("/proc/self/status", "VmRSS:");
    double tables = status_bytes("/proc/self/status", "VmPTE:");
    channel gate;
    long arrived = 0;
    wait_group left(PARKED);
    for (long i = 0; i < PARKED; i++)
        fibers::fiber(std::allocator_arg, fibers::fixedsize_stack(stack_size), [&] {
            long item;
            arrived++;
            gate.pop(item);
            left.done();
        }).detach();
    while (arrived < PARKED)
        boost::this_fiber::yield();
    resident = (status_bytes("/proc/self/status", "VmRSS:") - resident) / PARKED;
    tables = (status_bytes("/proc/self/status", "VmPTE:") - tables) / PARKED;
    std::snprintf(last_remark, sizeof last_remark, " (RSS %.0f, page tables %.0f)", resident,
                  tables);
    gate.close();
    left.wait();
    return resident + tables;
}

static double batch_parked()
{
    return measure_parked(fibers::fixedsize_stack::traits_type::default_size());
}

static double batch_parked_64k()
{
    return measure_parked(STACK_SIZE);
}

// ---- the program -----------------------------------------------------------------------------

static const struct workload {
    const char *name, *unit;
    bool has_suffix; // runs as -1p and -2p
    double (*batch)();
} workloads[] = {
    { "yield", "ns", true, batch_yield },
    { "pingpong", "ns", true, batch_pingpong },
    { "buffered", "ns", true, batch_buffered },
    { "spawn", "ns", true, batch_spawn },
    { "spawnjoin", "ns", true, batch_spawnjoin },
    { "mutex4", "ns", true, batch_mutex4 },
    { "skynet", "ms", true, batch_skynet },
    { "sieve2000", "ms", true, batch_sieve },
    { "ring503", "ns", true, batch_ring },
    { "sleep100us-p99-late", "us", false, batch_nap },
    { "parked1m-64k", "B", false, batch_parked_64k },
    { "parked1m", "B", false, batch_parked },
};

static void run(const std::string &name, const workload &workload, double seconds)
{
    double best = 0;
    std::string remark;
    std::int64_t end = now() + std::int64_t(seconds * 1e9);
    do {
        double value = workload.batch();
        if (best != 0 && value >= best)
            continue;
        best = value;
        remark = last_remark;
    } while (now() < end && std::strcmp(workload.unit, "B") != 0);
    if (best < 0)
        std::printf("%s n/a (too little memory)\n", name.c_str());
    else
        std::printf("%s %.2f %s%s\n", name.c_str(), best, workload.unit, remark.c_str());
}

// Runs `body` on a fiber, with a second thread that steals when there are two processors.
static void with_processors(const std::function<void()> &body)
{
    if (!has_two_processors) {
        start(body).join();
        return;
    }
    wait_group end(1);
    std::thread thief([&end] {
        fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(2);
        end.wait();
    });
    fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(2);
    start(body).join();
    end.done();
    thief.join();
}

int main(int argc, char **argv)
{
    if (argc != 2 && !(argc == 4 && !std::strcmp(argv[2], "--seconds"))) {
        std::fprintf(stderr, "usage: %s WORKLOAD [--seconds S]\n", argv[0]);
        return 2;
    }
    std::string name = argv[1], base = name, suffix;
    if (name.size() > 3)
        suffix = name.substr(name.size() - 3);
    bool has_suffix = suffix == "-1p" || suffix == "-2p";
    if (has_suffix)
        base.resize(base.size() - 3);
    has_two_processors = suffix == "-2p";
    for (const workload &workload : workloads)
        if (base == workload.name && has_suffix == workload.has_suffix) {
            with_processors([&] { run(name, workload, argc == 4 ? std::atof(argv[3]) : 1); });
            return 0;
        }
    std::printf("%s n/a\n", name.c_str());
}
