//! Wire APIs of the clouds. A dialect is one folder that only translates: where a request keeps its claim, which use case
//! it asks for, and how answers and refusals look. Nothing is decided here.

pub mod answer;
pub mod huawei;
mod json;
mod keystone;
pub mod native;
pub mod operation;
pub mod registry;
pub mod request;
pub mod samsung;
pub mod scloud;
mod settings;
pub mod tencent;

pub use answer::{Answer, CallerNote, Cause, Note, Outcome, TransportRefusal};
pub use operation::{Access, Operation, Reveals};
pub use registry::{Dialect, DialectSettings, Registry, SettingsError};
pub use request::{Recognition, Request};
