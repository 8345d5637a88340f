# Puts the agent on a Windows PC: checks, installs, enrols, examines, and says what it did. See docs/install.md.
# Run it as administrator from the unpacked bundle, with Windows PowerShell 5.1 or later:
#   powershell -ExecutionPolicy Bypass -File install.ps1 -Server https://collector.example:8080 -Ca ca.pem
# Exit status: 0 all is well; 1 a step failed, or something has to be mended; 2 bad usage or a check failed, nothing changed.
param(
    [string]$Server = '',
    [string]$TokenFile = '',
    [string]$Ca = '',
    [ValidateSet('site', 'host')][string[]]$Role = @(),
    [string]$Lab = '',
    [string]$Signer = '',
    [string]$PythonInstaller = '',
    [ValidateSet('vi', 'en', '')][string]$Lang = '',
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

# A file beside the wheels does no harm: ca.pem may lie there.
function Test-Bundle {
    $named = @{}
    foreach ($line in [IO.File]::ReadAllLines((Join-Path $here 'SHA256SUMS'))) {
        $sum, $name = $line -split '  ', 2
        $file = Join-Path $here $name.Replace('/', '\')
        if (-not (Test-Path -LiteralPath $file)) { Refuse "Gói cài đặt thiếu tệp: $name" "The bundle lacks a file: $name" }
        if ($sum -ne (Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash) {
            Refuse "Gói cài đặt bị hỏng hoặc bị sửa ($name): hãy chép lại." "The bundle is damaged or was changed ($name): copy it again."
        }
        $named[$name] = $true
    }
    foreach ($file in Get-ChildItem -LiteralPath (Join-Path $here 'wheelhouse') -Force) {
        if (-not $named["wheelhouse/$($file.Name)"]) {
            Refuse "Gói cài đặt có tệp lạ: $($file.Name)" "The bundle has a file that SHA256SUMS does not name: $($file.Name)"
        }
    }
}

function Test-Signature {
    $kept = Join-Path $state 'signer.pem'
    if (-not $Signer -and (Test-Path -LiteralPath $kept)) { $script:Signer = $kept }
    if (-not $Signer) {
        Say 'Lưu ý: gói cài đặt nguyên vẹn, nhưng chưa kiểm tra ai đã làm ra nó: hãy thêm -Signer TỆP của Sở.' `
            "Note: the bundle is whole, but who made it was not checked: give the department's -Signer FILE."
        return
    }
    $certificate = New-Object Security.Cryptography.X509Certificates.X509Certificate2 (Resolve-Path -LiteralPath $Signer).ProviderPath
    $key = [Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPublicKey($certificate)
    $sums = [IO.File]::ReadAllBytes((Join-Path $here 'SHA256SUMS'))
    $signature = [IO.File]::ReadAllBytes((Join-Path $here 'SHA256SUMS.sig'))
    if (-not $key.VerifyData($sums, $signature, [Security.Cryptography.HashAlgorithmName]::SHA256, [Security.Cryptography.RSASignaturePadding]::Pkcs1)) {
        Refuse "Chữ ký của gói cài đặt không đúng với ${Signer}: KHÔNG cài. Hãy hỏi Sở." "The bundle's signature is not ${Signer}'s: NOT installed. Ask the department."
    }
    Say 'Chữ ký của gói cài đặt đúng.' "The bundle's signature is right."
}

function Read-Token {
    if (Test-Path -LiteralPath (Join-Path $state 'credentials.json')) { return $false }
    if ($TokenFile) { $env:HAIDANG_TOKEN = [IO.File]::ReadAllText((Resolve-Path -LiteralPath $TokenFile).ProviderPath).Trim() }
    elseif (-not $env:HAIDANG_TOKEN -and -not $DryRun) {
        $typed = Read-Host -AsSecureString $(if ($Lang -eq 'vi') { 'Mã ghi danh của đơn vị' } else { "The unit's token" })
        $env:HAIDANG_TOKEN = (New-Object Net.NetworkCredential '', $typed).Password
    }
    if (-not $env:HAIDANG_TOKEN -and -not $DryRun) { Refuse 'Thiếu mã ghi danh. Xin mã ở Phòng GD&ĐT hoặc Sở.' 'The token is missing. Your district or department issues it.' }
    return $true
}

if (-not (Test-Administrator)) { Refuse 'Hãy chạy PowerShell với quyền quản trị (Run as administrator).' 'Run PowerShell as administrator.' }
if (-not $Server -and -not (Test-Path -LiteralPath (Join-Path $state 'agent.toml'))) { Refuse 'Thiếu -Server.' '-Server is missing.' }
Test-Bundle
Test-Signature
$wheel = @(Get-ChildItem -Path (Join-Path $here 'wheelhouse\haidang-*.whl'))[0]
$version = $wheel.Name.Split('-')[1]
$release = Join-Path $programs "releases\$version"
$agent = Join-Path $release 'Scripts\python.exe'
$python = Find-Python
if (-not $python) { Install-Python; $python = Find-Python }
if (-not $python -and -not $DryRun) { Refuse 'Không tìm thấy Python đã cài.' 'The Python that was installed is not found.' }
# Windows PowerShell drops an argument that is empty, so "-" stands for none.
if ($Ca) { $Ca = (Resolve-Path -LiteralPath $Ca).ProviderPath }
if ($python) {
    & $python -I (Join-Path $here 'check.py') $env:ProgramFiles $(if ($Server) { $Server } else { '-' }) $(if ($Ca) { $Ca } else { '-' })
    if ($LASTEXITCODE) { exit 2 }
}
$enrol = Read-Token

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
if ($enrol) {
    Run $agent @('-I', '-m', 'haidang_agent', 'enrol')
    Remove-Item Env:HAIDANG_TOKEN -ErrorAction SilentlyContinue
}
Run $agent @('-I', '-m', 'haidang_agent', 'service', 'start')
# What cannot be removed now is tried again at the next installation.
if (-not $DryRun) { & $agent -I $releases $programs prune | Out-Null }
Say "Hải Đăng $version ở $programs, tác vụ \Haidang\Agent, cấu hình và dữ liệu ở $state. Gỡ bỏ: $programs\uninstall.ps1" `
    "Hải Đăng $version in $programs, task \Haidang\Agent, configuration and state in $state. Remove it by: $programs\uninstall.ps1"
if ($DryRun) { exit 0 }
Start-Sleep -Seconds 5 # the agent needs a moment until it answers
& $agent -I -m haidang_agent doctor
exit $LASTEXITCODE
