//! The real binary against a scripted server: what operators script against.

mod actions;
mod actors;
mod audit;
mod documents;
mod exit_codes;
mod fleet;
mod get;
mod labels;
mod lists;
mod login;
mod profiles;
mod streams;
mod tenancy;
mod tls;
mod traces;
