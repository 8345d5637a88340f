"""The subcommands of `haidang-agent`, one file each."""
