//! DESCRIBE (`DescribeStatement`).
