//! The door to Burn, from the outside in: functions on tensors of any device ([`functions`]), what
//! Burn dispatches them to ([`extension`]), and what it computes on other backends than the CPU's
//! ([`composed`]).

mod composed;
mod extension;
pub mod functions;
