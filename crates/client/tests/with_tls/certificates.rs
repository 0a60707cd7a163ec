//! Authorities and certificates, good ones and others.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType, SerialNumber, date_time_ymd,
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use watchkeeper_client::TlsFiles;

/// What a certificate is to be like; the defaults are good.
pub(crate) struct Wanted<'w> {
    pub(crate) uris: &'w [&'w str],
    pub(crate) purpose: ExtendedKeyUsagePurpose,
    pub(crate) years: (i32, i32),
    pub(crate) serial: u64,
}

impl Default for Wanted<'_> {
    fn default() -> Self {
        let purpose = ExtendedKeyUsagePurpose::ClientAuth;
        Self { uris: &["spiffe://plant.test/agent/press-1"], purpose, years: (2020, 2120), serial: 0x5eed }
    }
}

/// An authority whose files lie in a directory.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
    name: String,
}

impl Authority {
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, dir: dir.to_owned(), name: name.to_owned() };
        fs::write(authority.ca_file(), authority.issuer.pem()).unwrap();
        authority
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.join(format!("{}.pem", self.name))
    }

    /// Makes the monitor's certificate, for these hosts, and returns its files.
    pub(crate) fn server(&self, hosts: &[&str], years: (i32, i32)) -> (PathBuf, PathBuf) {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        self.sign(&params, "server")
    }

    /// Makes a client's certificate, and returns the files to connect with, this authority's among them.
    pub(crate) fn client(&self, name: &str, wanted: &Wanted<'_>) -> TlsFiles {
        let mut params = CertificateParams::default();
        params.subject_alt_names =
            wanted.uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        params.extended_key_usages = vec![wanted.purpose.clone()];
        params.serial_number = Some(SerialNumber::from(wanted.serial));
        let (from, until) = wanted.years;
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        let (certificate, key) = self.sign(&params, name);
        TlsFiles::new(self.ca_file()).with_certificate(certificate, key)
    }

    fn sign(&self, params: &CertificateParams, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |ending: &str| self.dir.join(format!("{}-{name}.{ending}", self.name));
        fs::write(file("pem"), certificate.pem()).unwrap();
        fs::write(file("key"), key.serialize_pem()).unwrap();
        (file("pem"), file("key"))
    }
}
