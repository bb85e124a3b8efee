//! The Tencent dialect.

mod docs;
