//! The stores, and the domain's use cases over each of them. One binary: every further one would link everything again.

mod conformance;
