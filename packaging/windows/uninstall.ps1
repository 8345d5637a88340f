# Takes the agent off a Windows PC; run it as administrator. See docs/install.md.
# Configuration, identity and measurements not yet sent stay, unless -Purge. Exit status: 0 removed, 1 a step failed, 2 no administrator.
param([switch]$Purge, [ValidateSet('vi', 'en', '')][string]$Lang = '')
$ErrorActionPreference = 'Stop'
$programs = Join-Path $env:ProgramFiles 'Haidang'
$state = Join-Path $env:ProgramData 'Haidang'
if (-not $Lang) { $Lang = if ((Get-UICulture).TwoLetterISOLanguageName -eq 'vi') { 'vi' } else { 'en' } }

function Say([string]$vi, [string]$en) { if ($Lang -eq 'vi') { Write-Host $vi } else { Write-Host $en } }

$me = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Say 'Hãy chạy PowerShell với quyền quản trị (Run as administrator).' 'Run PowerShell as administrator.'
    exit 2
}
$agent = Get-ChildItem -Path (Join-Path $programs 'releases\*\Scripts\python.exe') | Select-Object -Last 1
if ($agent) {
    & $agent.FullName -I -m haidang_agent service remove
    if ($LASTEXITCODE) { exit 1 }
    Start-Sleep -Seconds 5 # Windows keeps the files of a program that has just been ended for a moment
}
# The folder that the task lay in; schtasks deletes none.
$scheduler = New-Object -ComObject Schedule.Service
$scheduler.Connect()
$tasks = $scheduler.GetFolder('\')
foreach ($folder in $tasks.GetFolders(0)) { if ($folder.Name -eq 'Haidang') { $tasks.DeleteFolder('Haidang', 0) } }
if (Test-Path -LiteralPath $programs) { Remove-Item -LiteralPath $programs -Recurse -Force }
if ($Purge -and (Test-Path -LiteralPath $state)) { Remove-Item -LiteralPath $state -Recurse -Force }
if ($Purge) { Say 'Đã gỡ bỏ Hải Đăng; không còn lại gì. Hãy nhờ Phòng hoặc Sở thu hồi máy này.' 'Hải Đăng is removed; nothing is left. Ask the district or department to revoke this machine.' }
else { Say "Đã gỡ bỏ Hải Đăng. Còn lại: $state (xoá bằng -Purge)." "Hải Đăng is removed. What stays: $state (-Purge removes it)." }
