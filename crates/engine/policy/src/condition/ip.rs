//! Addresses and ranges of `IpAddress`.

use std::net::IpAddr;

/// `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    network: u128,
    is_v4: bool,
    /// Length of the prefix, in bits of the family.
    bits: u32,
}

/// An address; one that IPv6 only wraps is taken out of it.
pub(super) fn parse(text: &str) -> Option<IpAddr> {
    text.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

impl Cidr {
    /// `None`: no range.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.trim().split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) if bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= width)?
            }
            Some(_) => return None,
        };
        Some(Self { network: number(address), is_v4: address.is_ipv4(), bits })
    }

    pub fn contains(&self, ip: IpAddr) -> bool {
        if ip.is_ipv4() != self.is_v4 {
            return false;
        }
        let width = if self.is_v4 { 32 } else { 128 };
        let different = number(ip) ^ self.network;
        different.checked_shr(width - self.bits).unwrap_or(0) == 0
    }

    /// Whether anybody's address may lie in it: S3 calls that public. Private networks are not.
    pub fn is_broad(&self) -> bool {
        // 10/8, 172.16/12 and 192.168/16 cannot be wider than /8 without more than themselves.
        if self.is_v4 { self.bits < 8 } else { self.bits < 32 }
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}
