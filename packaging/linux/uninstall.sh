#!/bin/sh
# Takes the agent off a Linux machine. See docs/install.md.
set -eu

home=/opt/haidang
config=/etc/haidang
state=/var/lib/haidang
units=/etc/systemd/system
user=haidang

usage() {
  cat <<'USAGE'
usage: uninstall.sh [--purge] [--lang vi|en] [--dry-run]

Stops the agent and removes it. Configuration, identity and measurements not yet sent stay, for a later installation;
with --purge they go too, and with them the user. A collector on the same machine stays as it is.

Exit status: 0 removed, 1 a step failed, 2 bad usage.
USAGE
}

case ${HAIDANG_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in vi*) lang='vi' ;; *) lang='en' ;; esac
purge='' dry=''

say() { # Vietnamese, English (formats of printf), their values
  if [ "$lang" = vi ]; then format=$1; else format=$2; fi
  shift 2
  # shellcheck disable=SC2059 # the formats are this script's own
  printf "$format\n" "$@" >&2
}

run() {
  if [ -n "$dry" ]; then printf '  + %s\n' "$*" >&2; else "$@"; fi
}

stop() {
  [ -d /run/systemd/system ] || return 0
  [ ! -e $units/haidang-agent.service ] || run systemctl --quiet disable --now haidang-agent.service
}

remove_program() {
  run rm -f $units/haidang-agent.service $units/multi-user.target.wants/haidang-agent.service /usr/local/bin/haidang-agent \
    /usr/lib/sysusers.d/haidang-agent.conf
  run rm -rf $units/haidang-agent.service.d
  [ ! -d /run/systemd/system ] || run systemctl daemon-reload
  if [ -e $units/haidang-collector.service ]; then
    say 'Giữ lại %s: bộ thu thập trên máy này dùng nó.' '%s stays: the collector on this machine uses it.' $home
  else
    run rm -rf $home
  fi
}

remove_state() {
  run rm -rf $state
  run rm -f $config/agent.toml $config/ca.pem $config/signer.pem
  [ -n "$dry" ] || rmdir $config 2>/dev/null || say 'Giữ lại %s: có tệp khác.' '%s stays: it holds other files.' $config
  if getent passwd $user >/dev/null; then
    run userdel $user
    if getent group $user >/dev/null; then run groupdel $user; fi
  fi
}

main() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --purge) purge=yes ;;
      --dry-run) dry=yes ;;
      --lang) case ${2:-} in vi | en) lang=$2; shift ;; *) usage >&2; exit 2 ;; esac ;;
      *) usage >&2; exit 2 ;;
    esac
    shift
  done
  [ "$(id -u)" -eq 0 ] || { say 'Hãy chạy với quyền root: sudo %s …' 'Run this as root: sudo %s …' "$0"; exit 2; }
  stop
  remove_program
  if [ -n "$purge" ]; then
    remove_state
    say 'Đã gỡ bỏ Hải Đăng; không còn lại gì. Hãy nhờ Phòng hoặc Sở thu hồi máy này.' \
      'Hải Đăng is removed; nothing is left. Ask the district or department to revoke this machine.'
  else
    say 'Đã gỡ bỏ Hải Đăng. Còn lại: %s và %s (xoá bằng --purge).' \
      'Hải Đăng is removed. What stays: %s and %s (--purge removes them).' $config $state
  fi
}

main "$@"
