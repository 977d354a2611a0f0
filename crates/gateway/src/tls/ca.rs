//! The local certificate authority.
//!
//! Its key never leaves the data directory (mode 0600), and its certificate carries name
//! constraints: whoever trusts it trusts it for loopback names and the installation's own ones,
//! and for nothing else. A second one, for [`Reach::Hosts`], is trusted by functions alone, and
//! for the hosts of others that this installation stands in for. Keys and serial numbers come from the operating system's randomness, not
//! from `kernel::Random`: a replay must not repeat a secret.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How long the authority is good, days. Trust stores hold it, so not for ever.
const CA_DAYS: i64 = 3 * 365;
/// How long a server certificate is good, days: what browsers accept at most.
const LEAF_DAYS: i64 = 397;
/// A certificate that ends sooner than this is made anew, days.
const RENEW_DAYS: i64 = 30;
const CERTIFICATE_FILE: &str = "ca.pem";
const KEY_FILE: &str = "ca.key";
/// What the certificate says, in a form that needs no parser: its end, then its names.
const FACTS_FILE: &str = "ca.facts";

/// Why there is no authority.
#[derive(Debug)]
pub enum CaError {
    /// A file could not be read or written.
    Io(PathBuf, std::io::Error),
    /// A key or certificate could not be made or read.
    Certificate(rcgen::Error),
    /// The clock shows no day a certificate can name.
    Clock,
    /// TLS could not be set up with it.
    Tls(rustls::Error),
}

impl fmt::Display for CaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Certificate(error) => write!(f, "local certificate authority: {error}"),
            Self::Clock => f.write_str("local certificate authority: the clock shows no real day"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
        }
    }
}

impl std::error::Error for CaError {}

impl From<rcgen::Error> for CaError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

/// The authority: its certificate, and the power to sign others.
pub struct Ca {
    directory: PathBuf,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    reach: Reach,
    names: Vec<String>,
}

/// What an authority may sign besides the names it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine's loopback names and addresses.
    Loopback,
    /// Nothing.
    Hosts,
}

impl Reach {
    fn common_name(self) -> &'static str {
        match self {
            Self::Loopback => "Gureum local CA",
            Self::Hosts => "Gureum CA for functions",
        }
    }

    /// The names of the certificate for who asks for none.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Loopback => &["localhost", "127.0.0.1", "::1"],
            Self::Hosts => &[],
        }
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// A server certificate and its key, both DER.
pub(super) struct Leaf {
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
}

impl Ca {
    /// Opens the authority in `directory`, or makes one: at first, when the old one ends within
    /// 30 days, and when `names` (further hosts than loopback's) holds one it may not sign.
    /// `now_s` is seconds since 1970.
    pub fn open(directory: &Path, names: &[String], now_s: i64) -> Result<Self, CaError> {
        Self::open_with(directory, Reach::Loopback, names, now_s)
    }

    /// The same for any reach.
    pub fn open_with(
        directory: &Path,
        reach: Reach,
        names: &[String],
        now_s: i64,
    ) -> Result<Self, CaError> {
        let mut names: Vec<String> = names.iter().filter(|name| *name != "*").cloned().collect();
        names.sort();
        let read = |file: &str| fs::read_to_string(directory.join(file)).ok();
        if let (Some(certificate_pem), Some(key), Some(facts)) =
            (read(CERTIFICATE_FILE), read(KEY_FILE), read(FACTS_FILE))
            && let Some((ends_s, known)) = parse_facts(&facts)
            && ends_s - RENEW_DAYS * 86_400 > now_s
            && names.iter().all(|name| known.contains(name))
            && certificate_pem.trim_end().ends_with("-----END CERTIFICATE-----")
            // Files a power failure cut short are made anew, too.
            && let Ok(key) = KeyPair::from_pem(&key)
        {
            let params = params(reach, &known, ends_s - CA_DAYS * 86_400)?;
            return Ok(Self {
                directory: directory.into(),
                certificate_pem,
                issuer: Issuer::new(params, key),
                reach,
                names: known,
            });
        }
        Self::create(directory, reach, names, now_s)
    }

    fn create(
        directory: &Path,
        reach: Reach,
        names: Vec<String>,
        now_s: i64,
    ) -> Result<Self, CaError> {
        fs::create_dir_all(directory).map_err(|error| CaError::Io(directory.into(), error))?;
        // A day early: clocks of containers and phones differ.
        let starts_s = now_s - 86_400;
        let key = KeyPair::generate()?;
        let params = params(reach, &names, starts_s)?;
        let certificate_pem = params.self_signed(&key)?.pem();
        let ends_s = starts_s + CA_DAYS * 86_400;
        write(directory, KEY_FILE, &key.serialize_pem(), 0o600)?;
        write(directory, CERTIFICATE_FILE, &certificate_pem, 0o644)?;
        write(directory, FACTS_FILE, &format!("{ends_s}\n{}\n", names.join("\n")), 0o644)?;
        let issuer = Issuer::new(params, key);
        Ok(Self { directory: directory.into(), certificate_pem, issuer, reach, names })
    }

    /// Where the certificate is, for a client's trust store.
    pub fn certificate_path(&self) -> PathBuf {
        self.directory.join(CERTIFICATE_FILE)
    }

    /// The certificate, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// What it may sign besides [`Self::names`].
    pub(super) fn reach(&self) -> Reach {
        self.reach
    }

    /// The hosts besides loopback's that it may sign.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Makes a server certificate for these names and addresses.
    pub(super) fn leaf(&self, names: Vec<String>, now_s: i64) -> Result<Leaf, CaError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "Gureum");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        set_days(&mut params, now_s - 86_400, now_s + (LEAF_DAYS - 1) * 86_400)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf { certificate: certificate.der().to_vec(), key: key.serialize_der() })
    }
}

fn params(reach: Reach, names: &[String], starts_s: i64) -> Result<CertificateParams, CaError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, reach.common_name());
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_days(&mut params, starts_s, starts_s + CA_DAYS * 86_400)?;
    let mut permitted = Vec::new();
    if reach == Reach::Loopback {
        let subtree = |address: IpAddr, bits| {
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, bits))
        };
        permitted.push(GeneralSubtree::DnsName("localhost".into()));
        permitted.push(subtree(Ipv4Addr::LOCALHOST.into(), 8));
        permitted.push(subtree(Ipv6Addr::LOCALHOST.into(), 128));
    }
    for name in names {
        permitted.push(match name.parse::<IpAddr>() {
            Ok(address) => {
                let bits = if address.is_ipv4() { 32 } else { 128 };
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, bits))
            }
            Err(_) => GeneralSubtree::DnsName(name.clone()),
        });
    }
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
    Ok(params)
}

fn parse_facts(text: &str) -> Option<(i64, Vec<String>)> {
    let mut lines = text.lines();
    let ends_s = lines.next()?.parse().ok()?;
    Some((ends_s, lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()))
}

/// Sets when a certificate begins and ends; ours do so with days.
fn set_days(params: &mut CertificateParams, starts_s: i64, ends_s: i64) -> Result<(), CaError> {
    let day = |time_s: i64| {
        let time = Timestamp::from_second(time_s).map_err(|_| CaError::Clock)?;
        let date: Date = time.to_zoned(TimeZone::UTC).date();
        let part = |value: i8| u8::try_from(value).map_err(|_| CaError::Clock);
        Ok::<_, CaError>((i32::from(date.year()), part(date.month())?, part(date.day())?))
    };
    let ((year, month, date), (end_year, end_month, end_date)) = (day(starts_s)?, day(ends_s)?);
    params.not_before = date_time_ymd(year, month, date);
    params.not_after = date_time_ymd(end_year, end_month, end_date);
    Ok(())
}

fn write(directory: &Path, file: &str, text: &str, mode: u32) -> Result<(), CaError> {
    let path = directory.join(file);
    let fresh = directory.join(format!("{file}.new"));
    let attempt = || {
        // A leftover of an interrupted start may have another mode.
        let _ = fs::remove_file(&fresh);
        let mut options = fs::OpenOptions::new();
        let mut open = options.write(true).create_new(true).mode(mode).open(&fresh)?;
        open.write_all(text.as_bytes())?;
        fs::rename(&fresh, &path)
    };
    attempt().map_err(|error| CaError::Io(path.clone(), error))
}
