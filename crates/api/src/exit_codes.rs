//! What `plexctl` exits with (`cli.md`, "Exit codes").

/// What was asked for was done and rendered.
pub const OK: u8 = 0;
/// Transport failure, an API failure not named below, or a body that is not the contract's.
pub const FAILURE: u8 = 1;
/// Bad input that never left the machine.
pub const USAGE: u8 = 2;
/// No credential, a credential others could read, or the server's 401.
pub const CREDENTIAL: u8 = 3;
/// The server's 403 for any cause but a relation denial.
pub const FORBIDDEN: u8 = 4;
/// A 403 whose problem `code` is `rebac_denied`, and a check whose decision is denied.
pub const DENIED: u8 = 77;
