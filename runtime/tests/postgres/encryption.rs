//! Encrypted connections, with a certificate for `localhost`.

use std::fs;

use ossa_runtime::adapter;
use ossa_runtime::port::StoreError;

use crate::certificate::certify;
use crate::fixture::sql;
use crate::server::TestServer;
use crate::server_or_return;

fn encrypts(server: &mut TestServer) -> bool {
    let folder = server.folder().to_owned();
    if !certify(&folder) {
        println!("skipped: encryption because openssl is not installed");
        return false;
    }
    let mut sql = sql(server);
    for (name, value) in [
        (
            "ssl_cert_file",
            folder.join("server.crt").display().to_string(),
        ),
        (
            "ssl_key_file",
            folder.join("server.key").display().to_string(),
        ),
        ("ssl", "on".to_owned()),
    ] {
        sql.batch_execute(&format!("ALTER SYSTEM SET {name} = '{value}'"))
            .unwrap();
    }
    drop(sql);
    server.kill();
    server.restart();
    // The server's user owns its files by now.
    fs::copy(folder.join("server.crt"), folder.join("authority.pem")).unwrap();
    true
}

#[test]
fn connections_are_encrypted_as_the_dsn_asks() {
    let mut server = server_or_return!();
    if !encrypts(&mut server) {
        return;
    }
    let authority = server.folder().join("authority.pem").display().to_string();
    let open = |host: &str, options: &str| {
        let dsn = format!(
            "postgresql://ossa:ossa@{host}:{}/postgres?schema=jobs&{options}",
            server.port
        );
        adapter::open(&dsn)
    };
    let verified = format!("sslmode=verify-full&sslrootcert={authority}");
    for (options, encrypted) in [
        ("sslmode=disable", false),
        ("sslmode=prefer", true),
        ("sslmode=require", true),
        (&verified, true),
    ] {
        let dsn_options = format!("{options}&application_name=asked");
        let store = open("localhost", &dsn_options).unwrap();
        let seen = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'asked'";
        let ssl: bool = sql(&server).query_one(seen, &[]).unwrap().get(0);
        assert_eq!(ssl, encrypted, "{options}");
        drop(store);
    }
    for refused in [
        // The certificate names another host, or nobody vouches for it.
        open("127.0.0.1", &verified),
        open("localhost", "sslmode=verify-full"),
    ] {
        let error = refused.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let missing = open("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem");
    assert!(
        matches!(missing.map(|_| ()), Err(StoreError::Dsn { part, .. }) if part == "option sslrootcert")
    );
}

#[test]
fn a_server_without_encryption_is_refused_when_it_is_asked_for() {
    let server = server_or_return!();
    adapter::open(&format!("{}?sslmode=prefer", server.dsn)).unwrap();
    let error = adapter::open(&format!("{}?sslmode=require", server.dsn))
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("TLS"), "{error}");
}

#[test]
fn a_unix_socket_is_a_folder_given_as_host() {
    let server = server_or_return!();
    let folder = server.folder().display();
    let dsn = format!(
        "postgresql://ossa:ossa@:{}/postgres?host={folder}",
        server.port
    );
    adapter::open(&dsn).unwrap();
}
