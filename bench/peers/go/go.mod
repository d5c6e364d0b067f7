module rung.bench/go

go 1.26
