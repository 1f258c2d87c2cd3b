"""The rows on power series of proven balls; flint is imported when a row is first called on one."""
