//! `runner export`: what is written, what is refused, and that other programs get our logits from it.

mod agreement;
mod commands;
mod protobuf;
