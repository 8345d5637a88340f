#!/bin/sh
# Puts the agent on a Linux machine: checks, installs, enrols, examines, and says what it did. See docs/install.md.
set -eu

home=/opt/haidang
config=/etc/haidang
state=/var/lib/haidang
units=/etc/systemd/system
user=haidang
least_mb=400
clock_seconds=300
here=$(cd "$(dirname "$0")" && pwd)

usage() {
  cat <<'USAGE'
usage: install.sh --server URL [options]

  --server URL         the collector, as https://collector.example:8080
  --token-file FILE    a file with the unit's token; - is standard input.
                       Else it is taken from HAIDANG_TOKEN, else asked for. Not wanted where the machine is enrolled.
  --ca FILE            the department's CA, PEM
  --role ROLE          site, host or router; may be given again (default: site and host)
  --lab NAME           the computer room that this machine stands in
  --offline BUNDLE     the offline bundle, packed or unpacked; without Internet. A script inside one uses that one
  --signer FILE        the certificate that the bundle must be signed with (default: the one of the last installation)
  --package SPEC       without a bundle: what pip shall fetch (default: haidang[router,snmp])
  --later              for a school without Internet: neither the centre nor a token is asked for; enrol another day
  --lang vi|en         language of these words (default: the system's)
  --dry-run            check, and show what would be done; change nothing

example: HAIDANG_TOKEN=… ./install.sh --server https://collector.example:8080 --ca ca.pem

Exit status: 0 installed and all is well; 1 a step failed, or the examination found something to mend;
2 bad usage, or a check failed: nothing was changed.
USAGE
}

case ${HAIDANG_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in vi*) lang='vi' ;; *) lang='en' ;; esac
server='' token_file='' ca='' roles='' lab='' bundle='' signer='' package='haidang[router,snmp]' dry='' later=''

say() { # Vietnamese, English (formats of printf), their values
  if [ "$lang" = vi ]; then format=$1; else format=$2; fi
  shift 2
  # shellcheck disable=SC2059 # the formats are this script's own
  printf "$format\n" "$@" >&2
}

refuse() { # the same; nothing was changed yet
  say "$@"
  exit 2
}

fail() {
  say "$@"
  exit 1
}

run() {
  if [ -n "$dry" ]; then printf '  + %s\n' "$*" >&2; else "$@"; fi
}

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage; exit 0 ;;
      --dry-run) dry=yes; shift; continue ;;
      --later) later=yes; shift; continue ;;
    esac
    [ $# -ge 2 ] || { usage >&2; exit 2; }
    case $1 in
      --server) server=${2%/} ;;
      --token-file) if [ "$2" = - ]; then token_file=/dev/stdin; else token_file=$(readlink -m "$2"); fi ;;
      --ca) ca=$(readlink -m "$2") ;;
      --role) case $2 in site | host | router) roles="$roles $2" ;; *) usage >&2; exit 2 ;; esac ;;
      --lab) lab=$2 ;;
      --offline) bundle=$(readlink -m "$2") ;;
      --signer) signer=$(readlink -m "$2") ;;
      --package) package=$2 ;;
      --lang) case $2 in vi | en) lang=$2 ;; *) usage >&2; exit 2 ;; esac ;;
      *) usage >&2; exit 2 ;;
    esac
    shift 2
  done
  case $server$lab in *[\"\\[:cntrl:]]*) usage >&2; exit 2 ;; esac
  if [ -n "$later" ] && [ -n "$token_file" ]; then usage >&2; exit 2; fi
  if [ -z "$server" ] && [ ! -e "$config/agent.toml" ]; then usage >&2; exit 2; fi
  export HAIDANG_LANG="$lang"
}

check_machine() {
  [ "$(id -u)" -eq 0 ] || refuse 'Hãy chạy với quyền root: sudo %s …' 'Run this as root: sudo %s …' "$0"
  # Releases there have the collector's packages too; one of the agent alone would take the collector away.
  [ ! -e $units/haidang-collector.service ] || refuse \
    'Máy này có bộ thu thập: ở đây phải cài bằng Ansible (ansible-playbook playbooks/agents.yml, docs/install-ansible.md).' \
    'This machine has a collector: here the agent is put by Ansible (ansible-playbook playbooks/agents.yml, docs/install-ansible.md).'
  for command in flock runuser setpriv systemctl; do
    command -v $command >/dev/null || refuse 'Thiếu lệnh %s: cần một Linux có systemd và util-linux.' \
      'The command %s is missing: this needs a Linux with systemd and util-linux.' $command
  done
  python=''
  for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import ssl, sqlite3, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      python=$candidate
      break
    fi
  done
  [ -n "$python" ] || refuse 'Cần Python 3.11 đến 3.13. Debian 12, Ubuntu 24.04: apt-get install python3. Ubuntu 22.04: apt-get install python3.11. RHEL: dnf install python3.11.' \
    'Python 3.11 to 3.13 is needed. Debian 12, Ubuntu 24.04: apt-get install python3. Ubuntu 22.04: apt-get install python3.11. RHEL: dnf install python3.11.'
  for folder in /etc /usr/lib /usr/local/bin /var/lib /opt; do
    [ -w "$folder" ] || refuse 'Không ghi được vào %s: ổ đĩa chỉ cho đọc?' '%s cannot be written to: is it mounted read-only?' "$folder"
  done
  for folder in /opt /var/lib; do
    free=$(df -Pm "$folder" | awk 'NR == 2 {print $4}')
    [ "$free" -ge $least_mb ] || refuse '%s còn trống %s MB, cần %s MB: hãy giải phóng dung lượng.' \
      '%s has %s MB free, %s MB are needed: free some space.' "$folder" "$free" $least_mb
  done
  for file in "$ca" "$signer" "$token_file" "$bundle"; do
    [ -z "$file" ] || [ -r "$file" ] || refuse 'Không đọc được %s.' '%s cannot be read.' "$file"
  done
  say 'Máy: %s, %s, còn trống %s MB.' 'Machine: %s, %s, %s MB free.' \
    "$(sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release)" "$($python --version)" "$free"
}

check_config() { # a kept one that names another collector would be enrolled with that one
  [ -n "$server" ] && [ -e "$config/agent.toml" ] || return 0
  kept=$($python - "$config/agent.toml" <<'PYTHON'
import sys, tomllib

try:
    with open(sys.argv[1], "rb") as file:
        print(str(tomllib.load(file)["server"]["url"]).rstrip("/"))
except (KeyError, TypeError, ValueError) as fault:
    print(f"? ({fault})")
PYTHON
  )
  [ "$kept" = "$server" ] || refuse '%s đã có, ghi bộ thu thập %s chứ không phải %s: hãy sửa tệp đó, hoặc xóa đi rồi chạy lại.' \
    '%s is there already and names the collector %s, not %s: mend that file, or delete it, and run this again.' "$config/agent.toml" "$kept" "$server"
}

check_centre() {
  [ -n "$server" ] || return 0
  case $server in http://* | https://*) ;; *) refuse '%s không phải là địa chỉ: viết https://…' '%s is no address: write https://…' "$server" ;; esac
  [ -z "$later" ] || return 0
  answer=$($python - "$server" "$ca" <<'PYTHON'
import email.utils, ssl, sys, time, urllib.request

url, ca = sys.argv[1:]
try:
    trust = ssl.create_default_context(cafile=ca or None)
    with urllib.request.urlopen(url + "/healthz", timeout=10, context=trust) as answer:
        if answer.read(9).strip() != b"ok":
            raise ValueError("something answers that is no collector")
        centre = email.utils.parsedate_to_datetime(answer.headers["Date"]).timestamp()
except Exception as failed:
    print(failed)
    sys.exit(1)
print(round(time.time() - centre))
PYTHON
  ) || refuse 'Không tới được bộ thu thập %s: %s.\n→ Xem lại mạng, trang đăng nhập Wi-Fi, tường lửa, địa chỉ, đồng hồ của máy này và --ca.' \
    'The collector %s cannot be reached: %s.\n→ Look at the network, its login page, the firewall, the address, this clock and --ca.' \
    "$server" "$answer"
  say 'Bộ thu thập %s trả lời.' 'The collector %s answers.' "$server"
  if [ "${answer#-}" -gt $clock_seconds ]; then
    say 'Lưu ý: đồng hồ của máy này lệch %s giây. Số liệu vẫn mang giờ của trung tâm; hãy chỉnh đồng hồ.' \
      "Note: this machine's clock is off by %s seconds. Measurements carry the centre's time; set the clock all the same." "$answer"
  fi
}

unpack_bundle() {
  if [ -z "$bundle" ] && [ -d "$here/wheelhouse" ]; then bundle=$here; fi
  [ -n "$bundle" ] || return 0
  if [ -f "$bundle" ]; then
    mkdir "$work/bundle"
    tar -xzf "$bundle" -C "$work/bundle" --strip-components=1 --no-same-owner || refuse \
      'Không giải nén được %s: gói không nguyên vẹn, hoặc ổ đĩa của %s đã đầy.' '%s cannot be unpacked: it is not whole, or the disk of %s is full.' \
      "$bundle" "$work"
    bundle=$work/bundle
  fi
  check_bundle
  wheels=$bundle/wheelhouse
}

check_bundle() {
  [ -z "$(cd "$bundle" && find SHA256SUMS* wheelhouse ! -type f ! -type d)" ] || refuse \
    'Gói cài đặt có thứ không phải là tệp.' 'The bundle has things that are no files.'
  (cd "$bundle" && sha256sum --check --strict --quiet SHA256SUMS >&2) || refuse \
    'Gói cài đặt bị hỏng hoặc bị sửa: hãy chép lại.' 'The bundle is damaged or was changed: copy it again.'
  # What is not summed must not be there either: pip would take a stray wheel. Beside the wheels it may: --ca ca.pem.
  summed=$(sed -n 's|^[0-9a-f]*  \(wheelhouse/\)|\1|p' "$bundle/SHA256SUMS" | sort)
  there=$(cd "$bundle" && find wheelhouse ! -type d | sort)
  [ "$summed" = "$there" ] || refuse 'Gói cài đặt có tệp lạ, không có trong SHA256SUMS.' 'The bundle has files that SHA256SUMS does not name.'
  [ -n "$signer" ] || [ ! -r "$config/signer.pem" ] || signer=$config/signer.pem
  if [ -z "$signer" ]; then
    say 'Lưu ý: gói cài đặt nguyên vẹn, nhưng chưa kiểm tra ai đã làm ra nó: hãy thêm --signer TỆP của Sở.' \
      "Note: the bundle is whole, but who made it was not checked: give the department's --signer FILE."
    return 0
  fi
  command -v openssl >/dev/null || refuse 'Thiếu openssl để kiểm tra chữ ký: apt-get install openssl.' \
    'openssl is missing, which checks the signature: apt-get install openssl.'
  is_signed || refuse 'Chữ ký của gói cài đặt không đúng với %s: KHÔNG cài. Hãy hỏi Sở.' \
      "The bundle's signature is not %s's: NOT installed. Ask the department." "$signer"
  say 'Chữ ký của gói cài đặt đúng.' "The bundle's signature is right."
}

is_signed() {
  openssl x509 -in "$signer" -pubkey -noout >"$work/signer.pub" || return 1
  openssl dgst -sha256 -verify "$work/signer.pub" -signature "$bundle/SHA256SUMS.sig" "$bundle/SHA256SUMS" >/dev/null
}

fetch_wheels() { # without a bundle: the same wheelhouse, by pip
  [ -z "$wheels" ] || return 0
  wheels=$work/wheelhouse
  $python -c 'import ensurepip' 2>/dev/null || refuse 'Thiếu pip: apt-get install python3-venv.' 'pip is missing: apt-get install python3-venv.'
  if [ -n "$dry" ]; then say '  + tải %s bằng pip' '  + fetch %s with pip' "$package"; return 0; fi
  say 'Đang tải %s …' 'Fetching %s …' "$package"
  $python -m venv "$work/venv"
  "$work/venv/bin/pip" --quiet --disable-pip-version-check download --only-binary :all: --dest "$wheels" "$package" pip ||
    refuse 'Không tải được: hãy dùng gói cài đặt ngoại tuyến (--offline).' 'That failed: use the offline bundle (--offline).'
}

find_version() {
  version=''
  for wheel in "$wheels"/haidang-*.whl; do
    [ -e "$wheel" ] || continue
    version=${wheel##*/haidang-} version=${version%%-*}
  done
  case $version in [0-9]*) ;; *) version='' ;; esac
  [ -n "$version" ] || [ -n "$dry" ] || refuse '%s không có haidang.' 'There is no haidang in %s.' "$wheels"
  release=$home/releases/${version:-VERSION}
}

read_token() {
  token=''
  if [ -n "$later" ] || [ -e "$state/credentials.json" ]; then return 0; fi
  if [ -n "$token_file" ]; then
    token=$(head -c 1000 "$token_file" | LC_ALL=C tr -cd '[:graph:]') # without what Windows' editors put around it
  elif [ -n "${HAIDANG_TOKEN:-}" ]; then
    token=$HAIDANG_TOKEN
  elif [ -n "$dry" ]; then
    return 0
  elif (: </dev/tty) 2>/dev/null; then # standard input may be this script
    say 'Mã ghi danh của đơn vị (không hiện khi gõ):' "The unit's token (is not shown while you type):"
    terminal=$(stty -g </dev/tty)
    stty -echo </dev/tty
    read -r token </dev/tty || true
    stty "$terminal" </dev/tty
    terminal=''
  fi
  unset HAIDANG_TOKEN
  [ -n "$token" ] || refuse 'Thiếu mã ghi danh: dùng --token-file TỆP. Xin mã ở Phòng GD&ĐT hoặc Sở.' \
    'The token is missing: give --token-file FILE. Your district or department issues it.'
}

install_release() {
  # A newer Python of the system breaks a virtual environment: then it is made anew.
  if [ -e "$release/.whole" ] && "$release/bin/haidang-agent" --version >/dev/null 2>&1; then
    say 'Phiên bản %s đã có sẵn ở %s.' 'Version %s is at %s already.' "$version" "$release"
  else
    run rm -rf "$release"
    run mkdir -p "$home/releases"
    { run $python -m venv --without-pip "$release" && run "$release/bin/python" "$(echo "$wheels"/pip-*.whl)/pip" --isolated --quiet --disable-pip-version-check --no-cache-dir \
      install --no-index --find-links "$wheels" 'haidang[router,snmp]'; } ||
      fail 'Cài đặt không thành công; bản đang dùng vẫn như cũ.' 'Installing failed; what was in use stays in use.'
    # Where SELinux is, systemd starts nothing that has the label of /opt itself.
    ! command -v restorecon >/dev/null || run restorecon -R "$release"
    run touch "$release/.whole"
  fi
  previous=$(readlink "$home/current" || true)
  previous=${previous%/} previous=${previous##*/} # Ansible's links are whole paths, and a hand's may end in a slash
  run ln -sfn "releases/${version:-VERSION}" "$home/current.new"
  run mv -fT "$home/current.new" "$home/current"
  run ln -sfn "$home/current/bin/haidang-agent" /usr/local/bin/haidang-agent
  [ "$previous" != "$version" ] || return 0
  [ -z "$previous" ] || run ln -sfn "releases/$previous" "$home/previous" # by which Ansible goes back
  for old in "$home"/releases/*; do # the one before stays, for the way back
    case $old in "$release" | "$home/releases/$previous" | "$home/releases/*") ;; *) run rm -rf "$old" ;; esac
  done
}

keep() { # a file that was given, unless it is the kept one
  [ -z "$1" ] || [ "$1" = "$2" ] || run install -m 644 "$1" "$2"
}

lay_files() {
  files=$(echo "$release"/lib/python3*/site-packages/haidang_agent/packaging/linux)
  run install -D -m 644 "$files/haidang-agent.sysusers.conf" /usr/lib/sysusers.d/haidang-agent.conf
  run systemd-sysusers /usr/lib/sysusers.d/haidang-agent.conf
  run install -d -m 755 "$config"
  run install -d -o $user -g $user -m 700 "$state"
  keep "$ca" "$config/ca.pem"
  keep "$signer" "$config/signer.pem"
  if [ -e "$config/agent.toml" ]; then
    say 'Giữ nguyên %s.' 'Left as it is: %s.' "$config/agent.toml"
  elif [ -z "$dry" ]; then
    write_config >"$work/agent.toml"
    install -o root -g $user -m 640 "$work/agent.toml" "$config/agent.toml.new"
    mv "$config/agent.toml.new" "$config/agent.toml"
  fi
  run install -D -m 644 "$files/haidang-agent.service" "$units/haidang-agent.service"
  case " $roles " in
    *' router '*) run install -D -m 644 "$files/haidang-agent-router.conf" "$units/haidang-agent.service.d/router.conf" ;;
  esac
  run install -m 755 "$files/install.sh" "$files/uninstall.sh" "$home"
}

write_config() {
  printf '[server]\nurl = "%s"\n' "$server"
  [ -z "$ca" ] || printf 'ca = "%s"\n' "$config/ca.pem"
  printf '\n[agent]\nroles = ['
  separator=''
  for role in ${roles:-site host}; do
    printf '%s"%s"' "$separator" "$role"
    separator=', '
  done
  printf ']\n'
  [ -z "$lab" ] || printf 'lab = "%s"\n' "$lab"
}

as_agent() { # a command as the service runs it: its user, its capabilities
  rights=-all,+net_raw
  [ ! -e "$units/haidang-agent.service.d/router.conf" ] || rights=$rights,+net_admin
  setpriv --reuid=$user --regid=$user --init-groups --no-new-privs "--inh-caps=$rights" "--ambient-caps=$rights" \
    "--bounding-set=$rights" "$home/current/bin/haidang-agent" "$@"
}

enrol() {
  [ -n "$token" ] || return 0
  if [ -n "$dry" ]; then say '  + ghi danh với %s' '  + enrol with %s' "$server"; return 0; fi
  who=$(printf '%s\n' "$token" | as_agent enrol --token-file -) ||
    fail 'Ghi danh không thành công: sửa lỗi trên rồi chạy lại.' 'Enrolling failed: mend what is said above and run this again.'
  say 'Đã ghi danh: %s (đơn vị %s).' 'Enrolled: %s (unit %s).' "${who%% *}" "${who##* }"
}

start() {
  if [ ! -d /run/systemd/system ]; then
    say 'systemd không chạy ở đây: dịch vụ đã cài nhưng chưa chạy.' 'systemd does not run here: the service is installed, not started.'
    return 0
  fi
  pauses='3 6 12 0' # an agent that was just started may not answer yet
  run systemctl daemon-reload
  run systemctl --quiet enable haidang-agent.service
  run systemctl restart haidang-agent.service || fail 'Dịch vụ không chạy: journalctl -u haidang-agent.' 'The service does not start: journalctl -u haidang-agent.'
}

examine() {
  for pause in $pauses; do
    if told=$(as_agent doctor); then printf '%s\n' "$told"; return 0; fi
    sleep "$pause"
  done
  printf '%s\n' "$told"
  return 1
}

tell_later() {
  say 'Trung tâm chưa được hỏi, máy chưa được tự kiểm tra.' 'The centre was not asked, and nothing was examined.'
  [ ! -e "$state/credentials.json" ] || return 0
  say 'Máy này chưa ghi danh: số đo được giữ ở đây, tối đa 30 ngày. Khi có mạng và có mã, chạy lệnh sau, dán mã rồi Enter:' \
    'This machine is not enrolled: what it measures is kept here, for 30 days at most. With a network and a token run this, paste the token, Enter:'
  printf "  sudo sh -c '%s'\n" "runuser -u $user -- haidang-agent enrol --token-file - && systemctl restart haidang-agent"
}

clean() {
  [ -z "$terminal" ] || stty "$terminal" </dev/tty
  rm -rf "$work"
}

main() {
  read_arguments "$@"
  cd /
  check_machine
  # The folder itself is the lock, so that none is left behind.
  exec 9</opt
  flock --nonblock 9 || refuse 'Một lần cài hoặc gỡ khác đang chạy: chờ nó xong.' 'Another installation or removal is running: wait for it.'
  check_config
  check_centre
  wheels='' terminal='' pauses=0
  work=$(mktemp -d)
  trap clean EXIT
  trap 'exit 130' HUP INT TERM
  unpack_bundle
  fetch_wheels
  find_version
  read_token
  install_release
  lay_files
  enrol
  start
  if [ -n "$dry" ]; then say 'Chạy thử: không thay đổi gì.' 'Dry run: nothing was changed.'; exit 0; fi
  say '\nHải Đăng %s ở %s, dịch vụ haidang-agent, cấu hình %s, dữ liệu %s.\nGỡ bỏ: %s/uninstall.sh\n' \
    '\nHải Đăng %s in %s, service haidang-agent, configuration %s, state %s.\nRemove it by: %s/uninstall.sh\n' \
    "$version" "$home" "$config" "$state" "$home"
  if [ -n "$later" ]; then tell_later; else examine || exit 1; fi
}

main "$@"
