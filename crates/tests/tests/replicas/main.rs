//! Several replicas, and the NATS that carries wake-ups between them.
//!
//! `wakes` drives the seam itself, two replicas' ends of it in one process; `serving` and `away` start the real
//! program, on the PostgreSQL that `cargo xtask test --only replicas` provides.

mod away;
mod serving;
mod wakes;

use async_nats::{Client, Subscriber};

/// Somebody at NATS who hears every wake-up of every installation.
async fn eavesdropper(url: &str) -> (Client, Subscriber) {
    let client = async_nats::connect(url).await.expect("NATS takes everybody");
    let heard = client.subscribe("plexsphere.>").await.expect("a subject");
    client.flush().await.expect("NATS answers");
    (client, heard)
}
