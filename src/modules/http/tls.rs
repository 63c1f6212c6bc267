//! TLS for `http::`: whose certificates are trusted. Built at the first https call.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::config::Network;

/// A bundle of every authority there is takes a quarter of a megabyte.
const MAX_BUNDLE: u64 = 16 << 20;

/// What every TLS connection is made with; sessions are resumed through it.
///
/// # Errors
/// Which setting names a file that holds no certificates.
pub(super) fn client_config(network: &Network) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match &network.roots_file {
        Some(file) => add(&mut roots, "SSL_CERT_FILE", file)?,
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    if let Some(file) = &network.ca_file {
        add(&mut roots, "RHAI_LAMBDA_CA_FILE", file)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, setting: &str, file: &Path) -> Result<(), String> {
    let named = |what: String| format!("the file of `{setting}`, `{}`, {what}", file.display());
    let unreadable = |error: std::io::Error| named(format!("cannot be read: {error}"));
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > MAX_BUNDLE {
        return Err(named(format!("is larger than {} MB", MAX_BUNDLE >> 20)));
    }
    let text = std::fs::read(file).map_err(unreadable)?;
    let certificates = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok);
    // Bundles hold certificates of odd forms; one good one is enough.
    let (added, _) = roots.add_parsable_certificates(certificates);
    match added {
        0 => Err(named("holds no certificate in PEM form".to_owned())),
        _ => Ok(()),
    }
}
