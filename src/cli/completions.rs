//! `bayplan completions`.

use clap::Args;

/// Print a completion script for a shell
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Examples:
  bayplan completions bash > ~/.local/share/bash-completion/completions/bayplan
  bayplan completions zsh > ~/.zfunc/_bayplan
  bayplan completions fish > ~/.config/fish/completions/bayplan.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}
