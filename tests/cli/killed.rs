//! Releases that die.

use crate::environment::{Entry, TestEnvironment};

const WEB: &str = "clusters/shop/services/web.toml";

/// What systemd and containers read.
fn etc(it: &TestEnvironment) -> [std::collections::BTreeMap<String, Entry>; 2] {
    ["alpha", "beta"].map(|host| it.tree(&format!("hosts/{host}/etc")))
}

#[test]
fn wherever_an_activation_dies_the_next_release_completes_it() {
    let whole = TestEnvironment::released();
    whole.edit(WEB, "1.4.2", "1.5.0");
    whole.bayplan("release shop --yes").succeeds();
    for dies_at in 0.. {
        let it = TestEnvironment::released();
        it.edit(WEB, "1.4.2", "1.5.0");
        // Whatever becomes visible gets its name by `mv`, so a shell that dies at its nth one
        // leaves every state that there can be between two steps.
        let count = it.beside("count");
        it.program(
            "mv",
            &format!(
                "#!/bin/sh\n\
                 n=$(cat '{0}' 2>/dev/null || echo 0)\n\
                 echo $((n + 1)) >'{0}'\n\
                 [ \"$n\" != {dies_at} ] || {{ kill -9 $PPID; exit 9; }}\n\
                 exec /bin/mv \"$@\"\n",
                count.display()
            ),
        );
        let died = it.bayplan("release shop --yes");
        if died.code == Some(0) {
            assert!(dies_at >= 4, "it has that many steps: {died}");
            assert_eq!(etc(&it), etc(&whole));
            return;
        }
        assert_eq!(died.code, Some(1), "{dies_at}: {died}");
        assert!(died.stderr.contains("error: "), "{dies_at}: {died}");
        it.program("mv", "#!/bin/sh\nexec /bin/mv \"$@\"\n");
        it.bayplan("release shop --yes").succeeds();
        it.bayplan("diff shop --exit-code").succeeds();
        assert_eq!(etc(&it), etc(&whole), "{dies_at}");
    }
}
