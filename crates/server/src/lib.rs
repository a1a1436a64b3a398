//! The control plane: routes, authentication, authorisation, delivery, callbacks, background loops.

pub mod admin;
pub mod app;
pub mod audit;
pub mod authority;
pub mod authorize;
pub mod bootstrap;
pub mod buckets;
pub mod ca;
pub mod callbacks;
pub mod capacity;
pub mod cli;
pub mod config;
pub mod cookies;
pub mod csrf;
pub mod data_dir;
pub mod database;
pub mod delivery;
pub mod denials;
pub mod http;
pub mod init;
pub mod listen;
pub mod loops;
pub mod metrics;
pub mod objects;
pub mod observation;
pub mod oidc;
pub mod paging;
pub mod principal;
pub mod problem;
pub mod rates;
pub mod request;
pub mod serve;
pub mod signing;
pub mod system;
pub mod throttle;
pub mod tokens;
pub mod trust;
pub mod turns;
pub mod wakes;

#[cfg(test)]
mod testing;
