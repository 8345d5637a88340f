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

Exit status: 0 removed, 1 a step failed, 2 bad usage, or an installation is running.
USAGE
}

case ${HAIDANG_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in vi*) lang='vi' ;; *) lang='en' ;; esac
purge='' dry='' left=''

say() { # Vietnamese, English (formats of printf), their values
  if [ "$lang" = vi ]; then format=$1; else format=$2; fi
  shift 2
  # shellcheck disable=SC2059 # the formats are this script's own
  printf "$format\n" "$@" >&2
}

run() {
  if [ -n "$dry" ]; then printf '  + %s\n' "$*" >&2; else "$@"; fi
}

stays() { # a folder, why in Vietnamese, in English
  left=yes
  say 'Giữ lại %s: '"$2." '%s stays: '"$3." "$1"
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
    stays $home 'bộ thu thập trên máy này dùng nó' 'the collector on this machine uses it'
  else
    run rm -rf $home
  fi
}

remove_state() {
  elsewhere=$(sed -n "s/^ *state_dir *= *[\"']\([^\"']*\).*/\1/p" $config/agent.toml 2>/dev/null || true)
  if [ -e "$elsewhere" ] && [ "$elsewhere" != $state ]; then
    stays "$elsewhere" 'agent.toml để dữ liệu ở đó; hãy tự xóa' 'agent.toml had the state there; delete it yourself'
  fi
  run rm -rf $state || stays $state 'không xóa được hết' 'it could not be removed'
  run rm -f $config/agent.toml $config/ca.pem $config/signer.pem
  [ -n "$dry" ] || [ ! -d $config ] || rmdir $config 2>/dev/null || stays $config 'có tệp khác' 'it holds other files'
  if getent passwd $user >/dev/null; then
    run userdel $user
    if getent group $user >/dev/null; then run groupdel $user; fi
  fi
}

conclude() {
  if [ -n "$dry" ]; then
    say 'Chạy thử: không thay đổi gì.' 'Dry run: nothing was changed.'
    return 0
  elif [ -z "$purge" ]; then
    say 'Đã gỡ bỏ Hải Đăng. Còn lại: %s và %s (xóa bằng --purge).' \
      'Hải Đăng is removed. What stays: %s and %s (--purge removes them).' $config $state
    return 0
  elif [ -n "$left" ]; then
    say 'Đã gỡ bỏ Hải Đăng, trừ những gì ghi ở trên.' 'Hải Đăng is removed, but for what stands above.'
  else
    say 'Đã gỡ bỏ Hải Đăng; không còn lại gì.' 'Hải Đăng is removed; nothing is left.'
  fi
  say 'Hãy nhờ Phòng GD&ĐT hoặc Sở thu hồi máy này.' 'Ask the district or department to revoke this machine.'
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
  exec 9</opt # the lock of install.sh
  flock --nonblock 9 || { say 'Một lần cài hoặc gỡ khác đang chạy: chờ nó xong.' 'Another installation or removal is running: wait for it.'; exit 2; }
  stop
  remove_program
  [ -z "$purge" ] || remove_state
  conclude
}

main "$@"
