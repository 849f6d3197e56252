//! `bayplan completions`.

use clap::Args;

/// Print a completion script for a shell
///
/// With it, Tab knows commands and options, and clusters, services, hosts and versions by the files of the description. No host is
/// asked. The line belongs into the file that the shell reads when it starts, so that the script is always that of this bayplan:
/// ~/.bashrc, ~/.zshrc after `compinit`, ~/.config/fish/config.fish.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  echo 'source <(bayplan completions bash)' >> ~/.bashrc
  echo 'source <(bayplan completions zsh)' >> ~/.zshrc
  echo 'bayplan completions fish | source' >> ~/.config/fish/config.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}
