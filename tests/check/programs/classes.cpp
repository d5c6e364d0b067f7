// SPDX-License-Identifier: MIT
// C++: exceptions through frames with and without cleanups, virtual calls, templates, lambdas. Prints a checksum.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

struct Shape {
    virtual ~Shape() {}
    virtual unsigned long area(unsigned long) const = 0;
};
struct Square : Shape {
    unsigned long side;
    explicit Square(unsigned long s) : side(s) {}
    unsigned long area(unsigned long x) const override { return side * side + x; }
};
struct Named : Shape {
    std::string name;
    explicit Named(const std::string &n) : name(n) {}
    unsigned long area(unsigned long x) const override
    {
        if (x % 3 == 0)
            throw std::runtime_error(name + " has no area");
        return name.size() + x;
    }
};
struct Guard {
    unsigned long &count;
    explicit Guard(unsigned long &c) : count(c) { count++; }
    ~Guard() { count += 10; }
};

__attribute__((noinline)) static unsigned long risky(const Shape &shape, unsigned long x, unsigned long &count)
{
    Guard guard(count);
    std::vector<unsigned long> more(x % 5 + 1, x);
    return shape.area(x) + more.back();
}

__attribute__((noinline)) static unsigned long caught(const Shape &shape, unsigned long x, unsigned long &count)
{
    try {
        return risky(shape, x, count);
    } catch (const std::runtime_error &error) {
        return std::string(error.what()).size();
    } catch (...) {
        return 1;
    }
}

__attribute__((noinline)) static unsigned long rethrown(const Shape &shape, unsigned long x, unsigned long &count)
{
    try {
        return risky(shape, x, count) + caught(shape, x + 1, count);
    } catch (...) {
        count++;
        throw;
    }
}

__attribute__((noinline)) static unsigned long counted(const std::string &text)
{
    std::map<char, unsigned long> counts;
    for (char c : text)
        counts[c]++;
    unsigned long sum = 0;
    for (const auto &pair : counts)
        sum = sum * 31 + pair.second * static_cast<unsigned char>(pair.first);
    return sum;
}

int main()
{
    std::vector<std::unique_ptr<Shape>> shapes;
    for (unsigned long i = 0; i < 6; i++) {
        if (i % 2)
            shapes.emplace_back(new Square(i));
        else
            shapes.emplace_back(new Named("shape " + std::to_string(i)));
    }
    unsigned long sum = 0, count = 0;
    for (unsigned long i = 0; i < shapes.size(); i++) {
        sum += caught(*shapes[i], i, count);
        try {
            sum += rethrown(*shapes[i], i * 3, count);
        } catch (const std::exception &error) {
            sum += std::string(error.what()).size();
        }
    }
    std::function<unsigned long(unsigned long)> scaled = [&](unsigned long x) { return x * 3 + count; };
    std::vector<unsigned long> items;
    for (unsigned long i = 0; i < 30; i++)
        items.push_back(scaled(i * 7919 % 101));
    std::sort(items.begin(), items.end(), [](unsigned long a, unsigned long b) { return a % 17 < b % 17; });
    for (unsigned long item : items)
        sum = sum * 7 + item;
    std::printf("%lu\n", sum + counted("the chain is whole and true at every instruction"));
    return 0;
}
