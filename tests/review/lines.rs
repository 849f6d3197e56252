//! Line ends: what a checkout does to them changes nothing.

use crate::repo::Repo;

const FILES: [&str; 4] = [
    "clusters/production/cluster.toml",
    "clusters/production/service-config.toml",
    "clusters/production/services/search.toml",
    "templates/container.service",
];

#[test]
fn a_checkout_with_crlf_gives_the_same_values_and_units() {
    let repo = Repo::new();
    let values = "[vars]\nLINES = \"\"\"\none\ntwo {{ LOG_LEVEL }}\n\"\"\"\nRAW = '''\na\n b'''";
    repo.edit(FILES[1], "[vars]", values);
    repo.edit(
        FILES[2],
        "\"LOG_LEVEL\"",
        "\"LOG_LEVEL\", \"LINES\", \"RAW\"",
    );
    repo.commit("lines");
    let lf = repo.run("render production");
    for path in FILES {
        let text = repo.read(path).replace('\n', "\r\n");
        repo.write(path, &text);
    }
    assert_eq!(repo.run("render production").text(), lf.text());
    let dirty = repo.run("diff production --against HEAD --exit-code");
    assert_eq!(dirty.code, 0, "{}", dirty.text());
    repo.commit("crlf");
    let committed = repo.run("diff production --against HEAD~1..HEAD --exit-code");
    assert_eq!(committed.code, 0, "{}", committed.text());
}
