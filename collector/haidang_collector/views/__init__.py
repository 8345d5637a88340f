"""The centre's own view of well-known sites, which agents compare theirs with: `haidang views`."""
