# Puts the agent on a Windows PC: checks, installs, enrols, examines, and says what it did. See docs/install.md.
# Run it as administrator from the unpacked bundle, with Windows PowerShell 5.1 or later:
#   powershell -ExecutionPolicy Bypass -File install.ps1 -Server https://collector.example:8080 -Ca ca.pem
# Exit status: 0 all is well; 1 a step failed, or something has to be mended; 2 bad usage or a check failed:
# nothing changed, but for the Python that -PythonInstaller may have put there. The checks are those of check.py.
param(
    [string]$Server = '',
    [string]$TokenFile = '',
    [string]$Ca = '',
    [ValidateSet('site', 'host')][string[]]$Role = @(),
    [string]$Lab = '',
    [string]$Signer = '',
    [string]$PythonInstaller = '',
    [ValidateSet('vi', 'en', '')][string]$Lang = '',
    [switch]$Later,
    [switch]$DryRun
)
$ErrorActionPreference = 'Stop'
$programs = Join-Path $env:ProgramFiles 'Haidang'
$state = Join-Path $env:ProgramData 'Haidang'
$here = Split-Path -Parent $MyInvocation.MyCommand.Path
if (-not $Lang) { $Lang = if ((Get-UICulture).TwoLetterISOLanguageName -eq 'vi') { 'vi' } else { 'en' } }
$env:HAIDANG_LANG = $Lang
[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false

function Say([string]$vi, [string]$en) { if ($Lang -eq 'vi') { Write-Host $vi } else { Write-Host $en } }

function Refuse([string]$vi, [string]$en) { Say $vi $en; exit 2 }

function Run([string]$program, [string[]]$words) {
    if ($DryRun) { Write-Host "  + $program $words"; return }
    & $program @words
    if ($LASTEXITCODE) {
        Say "Không thành công ($LASTEXITCODE): $program $words" "This failed ($LASTEXITCODE): $program $words"
        exit 1
    }
}

function Test-Administrator {
    $me = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# Installed for all users: the agent's account can't read anybody's own folder, and the Store's python.exe is none.
function Find-Python {
    foreach ($key in 'HKLM:\SOFTWARE\Python\PythonCore\3.13', 'HKLM:\SOFTWARE\Python\PythonCore\3.12', 'HKLM:\SOFTWARE\Python\PythonCore\3.11') {
        $place = Get-ItemProperty -Path "$key\InstallPath" -Name ExecutablePath -ErrorAction SilentlyContinue
        if ($place -and (Test-Path -LiteralPath $place.ExecutablePath)) { return $place.ExecutablePath }
    }
}

function Install-Python {
    if (-not $PythonInstaller) {
        Refuse 'Cần Python 3.11–3.13 (64 bit) cài cho mọi người dùng: -PythonInstaller TỆP (từ python.org), hoặc: winget install -e --id Python.Python.3.13 --scope machine' `
            'Python 3.11 to 3.13 (64 bit) for all users is needed: -PythonInstaller FILE (from python.org), or: winget install -e --id Python.Python.3.13 --scope machine'
    }
    if ((Get-AuthenticodeSignature -LiteralPath $PythonInstaller).Status -ne 'Valid') {
        Refuse "Chữ ký của $PythonInstaller không đúng." "The signature of $PythonInstaller is not valid."
    }
    Say 'Đang cài Python …' 'Installing Python …'
    if ($DryRun) { return }
    $done = Start-Process -FilePath $PythonInstaller -ArgumentList '/quiet', 'InstallAllUsers=1', 'Include_test=0' -Wait -PassThru
    if ($done.ExitCode) {
        Say "Cài Python không thành công ($($done.ExitCode))." "Installing Python failed ($($done.ExitCode))."
        exit 1
    }
}

# It judges all other files.
function Test-Checker {
    $sum = (Get-FileHash -LiteralPath (Join-Path $here 'check.py') -Algorithm SHA256).Hash.ToLower()
    if ([IO.File]::ReadAllLines((Join-Path $here 'SHA256SUMS')) -cnotcontains "$sum  check.py") {
        Refuse 'Gói cài đặt bị hỏng hoặc bị sửa (check.py): hãy chép lại.' `
            'The bundle is damaged or was changed (check.py): copy it again.'
    }
}

function Test-Signature {
    $kept = Join-Path $state 'signer.pem'
    if (-not $Signer -and (Test-Path -LiteralPath $kept)) { $script:Signer = $kept }
    if (-not $Signer) {
        Say 'Lưu ý: chưa kiểm tra ai đã làm ra gói cài đặt: hãy thêm -Signer TỆP của Sở.' `
            "Note: who made the bundle was not checked: give the department's -Signer FILE."
        return
    }
    $certificate = New-Object Security.Cryptography.X509Certificates.X509Certificate2 (Resolve-Path -LiteralPath $Signer).ProviderPath
    $key = [Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPublicKey($certificate)
    $files = (Join-Path $here 'SHA256SUMS'), (Join-Path $here 'SHA256SUMS.sig')
    foreach ($file in $files) {
        if (-not (Test-Path -LiteralPath $file)) { Refuse "Thiếu $file" "$file is missing" }
    }
    $sums = [IO.File]::ReadAllBytes($files[0])
    $signature = [IO.File]::ReadAllBytes($files[1])
    if (-not $key.VerifyData($sums, $signature, [Security.Cryptography.HashAlgorithmName]::SHA256, [Security.Cryptography.RSASignaturePadding]::Pkcs1)) {
        Refuse "Chữ ký của gói cài đặt không đúng với ${Signer}: KHÔNG cài. Hãy hỏi Sở." "The bundle's signature is not ${Signer}'s: NOT installed. Ask the department."
    }
    Say 'Chữ ký của gói cài đặt đúng.' "The bundle's signature is right."
}

function Test-Fitness([string[]]$words) {
    & $python -I (Join-Path $here 'check.py') @words
    if ($LASTEXITCODE) { exit 2 }
}

# Whom the folder of state and all that lies in it belong to: nobody, where there is none yet.
function Get-Owners {
    if (-not (Test-Path -LiteralPath $state)) { return }
    $all = @($state) + @(Get-ChildItem -LiteralPath $state -Force | ForEach-Object { $_.FullName })
    $all | ForEach-Object { (Get-Acl -LiteralPath $_).GetOwner([Security.Principal.SecurityIdentifier]).Value } | Select-Object -Unique
}

# An agent that was just started may not answer yet.
function Test-Agent {
    foreach ($pause in 3, 6, 12, 0) {
        $told = & $agent -I -X utf8 -m haidang_agent doctor
        if (-not $LASTEXITCODE) { break }
        Start-Sleep -Seconds $pause
    }
    $told
    exit $LASTEXITCODE
}

function Show-Later {
    Say 'Trung tâm chưa được hỏi, máy chưa được tự kiểm tra.' 'The centre was not asked, and nothing was examined.'
    if (Test-Path -LiteralPath (Join-Path $state 'credentials.json')) { return }
    Say 'Máy này chưa ghi danh: số đo được giữ ở đây, tối đa 30 ngày. Khi có mạng và có mã, chạy lệnh sau trong PowerShell bằng quyền quản trị, dán mã rồi Enter:' `
        'This machine is not enrolled: what it measures is kept here, for 30 days at most. With a network and a token run this in PowerShell as administrator, paste the token, Enter:'
    $program = Join-Path $programs 'haidang-agent.cmd'
    Write-Output "  & '$program' enrol --token-file -; if (-not `$LASTEXITCODE) { & '$program' service start }"
}

if (-not (Test-Administrator)) { Refuse 'Hãy chạy PowerShell với quyền quản trị (Run as administrator).' 'Run PowerShell as administrator.' }
if (-not $Server -and -not (Test-Path -LiteralPath (Join-Path $state 'agent.toml'))) { Refuse 'Thiếu -Server.' '-Server is missing.' }
if ($Later -and $TokenFile) { Refuse '-Later không đi cùng -TokenFile.' '-Later does not go with -TokenFile.' }
Test-Signature
Test-Checker
$python = Find-Python
if (-not $python) { Install-Python; $python = Find-Python }
if (-not $python -and -not $DryRun) { Refuse 'Không tìm thấy Python đã cài.' 'The Python that was installed is not found.' }
# Windows PowerShell drops an argument that is empty, so "-" stands for none.
if ($Ca) { $Ca = (Resolve-Path -LiteralPath $Ca).ProviderPath }
if ($TokenFile) { $TokenFile = (Resolve-Path -LiteralPath $TokenFile).ProviderPath }
$options = @()
if ($Later) { $options += '--later' }
if ($python) {
    Test-Fitness @('bundle', $here)
    Test-Fitness (@('machine', $env:ProgramFiles, $(if ($Server) { $Server } else { '-' }), $(if ($Ca) { $Ca } else { '-' })) + $options)
    Test-Fitness (@('state', $state, $(if ($Server) { $Server } else { '-' })) + @(Get-Owners))
    if ($DryRun) { $options += '--dry-run' }
    $env:HAIDANG_TOKEN = Test-Fitness (@('token', $state, $(if ($TokenFile) { $TokenFile } else { '-' })) + $options)
}
else { Say 'Chưa có Python: gói cài đặt và máy chưa được kiểm tra.' 'There is no Python yet: bundle and machine were not checked.' }
$wheel = @(Get-ChildItem -Path (Join-Path $here 'wheelhouse\haidang-*.whl'))[0]
$version = $wheel.Name.Split('-')[1]
$release = Join-Path $programs "releases\$version"
$agent = Join-Path $release 'Scripts\python.exe'

if (-not (Test-Path -LiteralPath (Join-Path $release '.whole'))) {
    $pip = @(Get-ChildItem -Path (Join-Path $here 'wheelhouse\pip-*.whl'))[0].FullName + '\pip'
    Run $python @('-m', 'venv', '--without-pip', '--clear', $release)
    Run $agent @($pip, '--isolated', '--quiet', '--disable-pip-version-check', 'install', '--no-index', '--find-links', (Join-Path $here 'wheelhouse'), 'haidang[snmp]')
    if (-not $DryRun) { New-Item -ItemType File -Path (Join-Path $release '.whole') | Out-Null }
}
$releases = Join-Path $release 'Lib\site-packages\haidang_agent\packaging\windows\releases.py'
$words = @('-I', $releases, $programs, 'take', $version)
if ($Server) { $words += '--server', $Server }
if ($Ca) { $words += '--ca', $Ca }
foreach ($each in $Role) { $words += '--role', $each }
if ($Lab) { $words += '--lab', $Lab }
Run $agent $words | Out-Null
if ($Signer -and -not $DryRun -and $Signer -ne (Join-Path $state 'signer.pem')) { Copy-Item -LiteralPath $Signer -Destination (Join-Path $state 'signer.pem') }
if ($env:HAIDANG_TOKEN) {
    Run $agent @('-I', '-m', 'haidang_agent', 'enrol')
    Remove-Item Env:HAIDANG_TOKEN -ErrorAction SilentlyContinue
}
Run $agent @('-I', '-m', 'haidang_agent', 'service', 'start')
# What cannot be removed now is tried again at the next installation.
if (-not $DryRun) { & $agent -I $releases $programs prune | Out-Null }
Say "Hải Đăng $version ở $programs, tác vụ \Haidang\Agent, cấu hình và dữ liệu ở $state. Gỡ bỏ: $programs\uninstall.ps1" `
    "Hải Đăng $version in $programs, task \Haidang\Agent, configuration and state in $state. Remove it by: $programs\uninstall.ps1"
if ($DryRun) { exit 0 }
if ($Later) { Show-Later; exit 0 }
Test-Agent
