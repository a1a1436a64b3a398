use clap::Parser;
mod bench;
#[derive(Parser)]
struct C { #[command(subcommand)] c: S }
#[derive(clap::Subcommand)]
enum S { Bench(bench::Args) }
fn main() -> anyhow::Result<()> { let S::Bench(a) = C::parse().c; bench::run(a) }
