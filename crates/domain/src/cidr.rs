//! Address ranges: mesh pools, trusted proxies (decisions 23 and 30).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 or IPv6 range, with the bits after the prefix cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// The range of a text such as `10.4.0.0/16`; set host bits are cleared. `None` when it is no range.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let plain = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let canonical = plain && (prefix == "0" || !prefix.starts_with('0'));
        Self::of(address.parse().ok()?, prefix.parse().ok().filter(|_| canonical)?)
    }

    /// The range of that prefix length around an address; `None` when the prefix is too long.
    pub fn of(address: IpAddr, prefix: u8) -> Option<Self> {
        let width = width(address);
        if prefix > width {
            return None;
        }
        let host_bits = u32::from(width - prefix);
        let network = bits(address)
            .checked_shr(host_bits)
            .unwrap_or(0)
            .checked_shl(host_bits)
            .unwrap_or(0);
        Some(Self {
            network: address_of(network, address),
            prefix,
        })
    }

    /// Whether the address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::of(address, self.prefix) == Some(*self)
    }

    /// Whether two ranges have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.network) || other.contains(self.network)
    }

    /// Whether every address of the other range lies in this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.network)
    }

    /// The address number `n`, from 0; in IPv4 ranges of at least four addresses the network's own and the
    /// broadcast address are left out. `None` past the end.
    pub fn nth_address(&self, n: u128) -> Option<IpAddr> {
        let (first, last) = self.host_offsets();
        let offset = n.checked_add(first).filter(|offset| *offset <= last)?;
        Some(address_of(bits(self.network) + offset, self.network))
    }

    /// The number of the first address that comes after a range inside this one: all smaller numbers that are
    /// not before the range are in it.
    pub fn number_after(&self, inner: &Self) -> u128 {
        let (first, _) = self.host_offsets();
        let (_, end) = inner.offsets();
        let last = bits(inner.network).saturating_add(end);
        last.saturating_sub(bits(self.network))
            .saturating_add(1)
            .saturating_sub(first)
    }

    /// The number that an address of the range has; 0 for the network's own.
    pub fn number_of(&self, address: IpAddr) -> Option<u128> {
        let (first, _) = self.host_offsets();
        self.contains(address)
            .then(|| (bits(address) - bits(self.network)).saturating_sub(first))
    }

    /// How many addresses can be handed out.
    pub fn address_count(&self) -> u128 {
        let (first, last) = self.host_offsets();
        (last - first).saturating_add(1)
    }

    /// The first and the last offset of all addresses.
    fn offsets(&self) -> (u128, u128) {
        let host_bits = u32::from(width(self.network) - self.prefix);
        (0, u128::MAX.checked_shr(128 - host_bits).unwrap_or(0))
    }

    /// The first and the last offset of those that can be handed out.
    fn host_offsets(&self) -> (u128, u128) {
        let (first, last) = self.offsets();
        match self.network {
            IpAddr::V4(_) if last >= 3 => (1, last - 1),
            IpAddr::V4(_) | IpAddr::V6(_) => (first, last),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// The first `10.n.0.0/16` that overlaps none of the taken ranges.
pub fn next_free_16(taken: &[Cidr]) -> Option<Cidr> {
    (0..=u8::MAX)
        .map(|n| Cidr {
            network: IpAddr::V4(Ipv4Addr::new(10, n, 0, 0)),
            prefix: 16,
        })
        .find(|candidate| !taken.iter().any(|range| range.overlaps(candidate)))
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address of these bits, in the family of another.
fn address_of(bits: u128, family: IpAddr) -> IpAddr {
    match family {
        IpAddr::V4(_) => {
            Ipv4Addr::from_bits(u32::try_from(bits).expect("an IPv4 address has 32 bits")).into()
        }
        IpAddr::V6(_) => Ipv6Addr::from_bits(bits).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn texts() {
        assert_eq!(cidr("10.4.5.6/16").to_string(), "10.4.0.0/16");
        assert_eq!(cidr("FD00:0:0::1/64").to_string(), "fd00::/64");
        assert_eq!(cidr("1.2.3.4/0").to_string(), "0.0.0.0/0");
        assert_eq!(cidr("::1/0").to_string(), "::/0");
        for bad in [
            "",
            "/",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            " 10.0.0.0/8",
            "fe80::1%eth0/64",
        ] {
            assert_eq!(Cidr::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_range_covers_itself_and_what_lies_inside() {
        let pool = cidr("10.4.0.0/16");
        for inside in ["10.4.0.0/16", "10.4.255.0/24", "10.4.0.1/32"] {
            assert!(pool.covers(&cidr(inside)), "{inside}");
        }
        for outside in ["10.0.0.0/8", "10.5.0.0/24", "::/16", "::/128"] {
            assert!(!pool.covers(&cidr(outside)), "{outside}");
        }
    }

    #[test]
    fn addresses_are_numbered_without_network_and_broadcast() {
        let nth = |text: &str, n| cidr(text).nth_address(n).map(|address| address.to_string());
        assert_eq!(nth("10.4.0.0/16", 0).as_deref(), Some("10.4.0.1"));
        assert_eq!(nth("10.4.0.0/16", 65_533).as_deref(), Some("10.4.255.254"));
        assert_eq!(nth("10.4.0.0/16", 65_534), None);
        assert_eq!(nth("10.4.0.0/30", 1).as_deref(), Some("10.4.0.2"));
        assert_eq!(nth("10.4.0.0/30", 2), None);
        assert_eq!(nth("10.4.0.0/31", 1).as_deref(), Some("10.4.0.1"));
        assert_eq!(nth("10.4.0.7/32", 0).as_deref(), Some("10.4.0.7"));
        assert_eq!(nth("10.4.0.7/32", 1), None);
        assert_eq!(
            nth("0.0.0.0/0", u128::from(u32::MAX) - 2).as_deref(),
            Some("255.255.255.254")
        );
        assert_eq!(nth("fd00::/64", 5).as_deref(), Some("fd00::5"));
        assert_eq!(
            nth("::/0", u128::MAX).as_deref(),
            Some("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
        );
        assert_eq!(nth("::/1", u128::MAX), None);
    }

    #[test]
    fn the_next_free_range() {
        assert_eq!(next_free_16(&[]), Some(cidr("10.0.0.0/16")));
        let taken = [
            cidr("10.0.0.0/15"),
            cidr("10.2.3.0/24"),
            cidr("fd00::/8"),
            cidr("10.4.0.0/16"),
        ];
        assert_eq!(next_free_16(&taken), Some(cidr("10.3.0.0/16")));
        assert_eq!(next_free_16(&[cidr("10.0.0.0/8")]), None);
    }

    fn any_cidr() -> impl Strategy<Value = Cidr> {
        prop_oneof![
            (0..64_u32, 24..=32_u8).prop_map(|(a, p)| Cidr::of(Ipv4Addr::from_bits(a).into(), p).unwrap()),
            (0..64_u128, 120..=128_u8).prop_map(|(a, p)| Cidr::of(Ipv6Addr::from_bits(a).into(), p).unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn overlap_is_having_an_address_in_common(a in any_cidr(), b in any_cidr()) {
            let common = (0..256_u32).any(|n| {
                let v4 = IpAddr::V4(Ipv4Addr::from_bits(n));
                let v6 = IpAddr::V6(Ipv6Addr::from_bits(n.into()));
                a.contains(v4) && b.contains(v4) || a.contains(v6) && b.contains(v6)
            });
            prop_assert_eq!(a.overlaps(&b), common);
            prop_assert_eq!(Cidr::parse(&a.to_string()), Some(a));
        }

        #[test]
        fn addresses_know_their_number_and_what_comes_after_a_range(
            outer in any_cidr(), inner in any_cidr(), n in 0..300_u128,
        ) {
            if let Some(address) = outer.nth_address(n) {
                prop_assert_eq!(outer.number_of(address), Some(n));
                if outer.covers(&inner) && inner.contains(address) {
                    let after = outer.number_after(&inner);
                    prop_assert!(after > n);
                    let between = (n..after).filter_map(|n| outer.nth_address(n));
                    prop_assert!(between.into_iter().all(|address| inner.contains(address)));
                    prop_assert!(!outer.nth_address(after).is_some_and(|address| inner.contains(address)));
                }
            }
        }

        #[test]
        fn numbered_addresses_lie_inside(a in any_cidr(), n in 0..300_u128) {
            if let Some(address) = a.nth_address(n) {
                prop_assert!(a.contains(address));
                prop_assert_ne!(a.nth_address(n + 1), Some(address));
            }
        }
    }

    #[test]
    fn the_number_past_an_inner_range_is_its_successors() {
        for (outer, inner) in [
            ("10.0.0.0/24", "10.0.0.0/28"),
            ("10.0.0.0/16", "10.0.3.0/24"),
            ("fd00::/64", "fd00::/80"),
        ] {
            let (outer, inner) = (cidr(outer), cidr(inner));
            let past = outer.number_after(&inner);
            assert!(
                !inner.contains(outer.nth_address(past).unwrap()),
                "{outer} {inner}"
            );
            assert!(
                inner.contains(outer.nth_address(past - 1).unwrap()),
                "{outer} {inner}"
            );
        }
        assert_eq!(
            cidr("10.0.0.0/24").nth_address(cidr("10.0.0.0/24").number_after(&cidr("10.0.0.128/25"))),
            None
        );
    }

    #[test]
    fn as_many_addresses_as_are_counted() {
        for text in [
            "10.0.0.0/24",
            "10.0.0.0/30",
            "10.0.0.0/31",
            "10.0.0.0/32",
            "fd00::/120",
        ] {
            let range = cidr(text);
            assert!(range.nth_address(range.address_count() - 1).is_some(), "{text}");
            assert_eq!(range.nth_address(range.address_count()), None, "{text}");
        }
    }
}
