"""Hải Đăng's collector: takes in what agents report, knows the units, tells people."""
