//! A project of compose, imported and released: it answers, its names are known, its data is found again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::fs;
use std::time::Duration;

use crate::ground::Ground;
use crate::hosts::{Fleet, until};
use crate::run::start;
use crate::secrets::identity;

/// A proxy, a web, an API, a worker, a migration and a database; every image is the same one.
const STACK: &str = "\
name: stand
x-app: &app
  image: ${REGISTRY}/app:1.0
  restart: unless-stopped
services:
  proxy:
    <<: *app
    environment: {APP_PORT: 8080}
    ports: ['9731:8080']
    volumes: ['./proxy/index.html:/www/index.html:ro']
    depends_on: [web]
  web:
    <<: *app
    container_name: the_web
    environment: {APP_PORT: 8080, API: 'http://api:8080'}
    depends_on: {api: {condition: service_healthy}}
  api:
    <<: *app
    environment: {APP_PORT: 8080, DATABASE_URL: 'postgres://app:${DB_PASSWORD}@db/app'}
    volumes: ['data:/www/data']
    ports: ['127.0.0.1:9732:8080']
    depends_on:
      migrate: {condition: service_completed_successfully}
      db: {condition: service_started}
    healthcheck:
      test: wget -q -O- http://localhost:8080/data/migrated
      interval: 1s
      retries: 20
  worker:
    <<: *app
    healthcheck:
      test: [CMD-SHELL, 'wget -q -O- http://the_web:8080/health && wget -q -O- http://api:8080/health']
      interval: 1s
      retries: 20
    depends_on: [web]
  migrate:
    image: ${REGISTRY}/app:1.0
    entrypoint: sh -c 'cat /data/before > /data/migrated'
    volumes: ['data:/data']
    depends_on: [db]
  db:
    <<: *app
    environment: {POSTGRES_PASSWORD: '${DB_PASSWORD}'}
volumes:
  data:
";

/// Imported on the operator's machine, released to a host.
pub fn imported(fleet: &'static Fleet) {
    // Its hosts are cleaned at the end.
    let ground = Ground::new(fleet, "stand");
    ground.images();
    identity(fleet);
    let host = ground.host("docker01");
    let root = tempfile::Builder::new()
        .prefix("compose.")
        .tempdir_in(&fleet.operator)
        .unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("proxy")).unwrap();
    fs::write(path("compose.yml"), STACK).unwrap();
    fs::write(path("proxy/index.html"), "from the repository\n").unwrap();
    let registry = &fleet.registry;
    fs::write(
        path(".env"),
        format!("REGISTRY={registry}\nDB_PASSWORD=s3ntinel-db\n"),
    )
    .unwrap();
    // What the project left on the host.
    host.sh("docker volume create stand_data && echo kept > /var/lib/docker/volumes/stand_data/_data/before");

    let directory = path("config");
    let directory = directory.to_str().unwrap();
    let compose = path("compose.yml");
    let compose = compose.to_str().unwrap();
    start(
        fleet,
        &["init", directory, "--strict", "--from-compose", compose],
    )
    .ended()
    .exits(0)
    .says(&["stand: 6 services, 1 secret; every key is carried"])
    .never_says(&["s3ntinel"]);
    let cluster = path("config/clusters/stand/cluster.toml");
    let text = fs::read_to_string(&cluster).unwrap();
    let line = text.lines().find(|line| line.starts_with("local = true"));
    let ssh = format!(
        "address = \"{}\"\nhost_key = \"{}\"\nuser = \"root\"\nsecrets = \"plain\"",
        host.address, host.host_key
    );
    fs::write(&cluster, text.replace(line.unwrap(), &ssh)).unwrap();
    start(fleet, &["-C", directory, "check"])
        .ended()
        .exits(0)
        .says(&["ok: stand (1 host, 6 services)"]);
    start(fleet, &["-C", directory, "release", "stand", "--yes"])
        .ended()
        .exits(0)
        .never_says(&["s3ntinel"]);

    let get = |port: u16, path: &str| {
        until(Duration::from_secs(20), "it answers", || {
            let script = format!("curl -sf http://127.0.0.1:{port}/{path}");
            let output = host.run(&script);
            output
                .status
                .success()
                .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        })
    };
    assert_eq!(get(9731, "index.html"), "from the repository\n");
    assert_eq!(get(9732, "data/migrated"), "kept\n");
    let environment = host.sh("docker exec stand-api env; docker exec stand-db env");
    assert!(environment.contains("DATABASE_URL=postgres://app:s3ntinel-db@db/app"));
    assert!(environment.contains("POSTGRES_PASSWORD=s3ntinel-db"));
    start(fleet, &["-C", directory, "release", "stand", "--yes"])
        .ended()
        .exits(0)
        .says(&["No changes."]);
    host.run("systemctl stop 'stand-*'; docker volume rm -f stand_data");
}
