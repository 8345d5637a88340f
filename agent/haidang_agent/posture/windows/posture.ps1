# Tells the facts that judging.py judges. Arguments: the agent's own files.

. (Join-Path (Split-Path -Parent $MyInvocation.MyCommand.Path) '..\..\powershell\telling.ps1')
$files = @($args)

# A registry value, $null where it is not set.
function Value([string]$key, [string]$name) {
    if (-not (Test-Path -LiteralPath $key)) { return $null }
    return (Get-Item -LiteralPath $key).GetValue($name, $null)
}

# What a policy sets wins over what the machine sets.
function Policy([string]$policy, [string]$key, [string]$name) {
    $set = Value $policy $name
    if ($null -eq $set) { $set = Value $key $name }
    return $set
}

$system = Get-WmiObject Win32_OperatingSystem
$isServer = $system.ProductType -ne 1
Section 'system' {
    @{ build = [int]$system.BuildNumber; server = [bool]$isServer; sku = [int]$system.OperatingSystemSKU; caption = [string]$system.Caption }
}

# Offline: what Windows Update found when it last looked. GUIDs: security updates, critical updates.
$epoch = New-Object DateTime 1970, 1, 1
Section 'searched' {
    $at = (New-Object -ComObject Microsoft.Update.AutoUpdate).Results.LastSearchSuccessDate
    if ($null -ne $at) { $at = [long]($at - $epoch).TotalSeconds }
    @{ at = $at }
}
Many 'updates' {
    $searcher = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
    $searcher.Online = $false
    foreach ($update in $searcher.Search('IsInstalled=0 and IsHidden=0').Updates) {
        $kinds = @($update.Categories | ForEach-Object { $_.CategoryID })
        if ($kinds -contains '0fa1201d-4330-4fa8-8ae9-b877473b6441' -or $kinds -contains 'e6cf1350-c01b-414d-a61f-263d14d133b4') {
            [long]($update.LastDeploymentChangeTime - $epoch).TotalSeconds
        }
    }
}

Many 'reboot' {
    $key = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion'
    if (Test-Path "$key\Component Based Servicing\RebootPending") { 'servicing' }
    if (Test-Path "$key\WindowsUpdate\Auto Update\RebootRequired") { 'update' }
}

Section 'firewall' {
    $policy = New-Object -ComObject HNetCfg.FwPolicy2
    $on = @{}
    foreach ($kind in 1, 2, 4) { $on["$kind"] = [bool]$policy.FirewallEnabled($kind) }
    $on
}

# The Security Center is on PCs only; Defender tells of itself on servers.
Many 'antivirus' {
    if ($isServer) {
        $own = Get-WmiObject -Namespace root\Microsoft\Windows\Defender MSFT_MpComputerStatus
        @{ on = [bool]$own.RealTimeProtectionEnabled; age_days = [int]$own.AntivirusSignatureAge }
    } else {
        Get-WmiObject -Namespace root\SecurityCenter2 AntiVirusProduct | ForEach-Object { @{ state = [int]$_.productState } }
    }
}

Many 'chassis' { Get-WmiObject Win32_SystemEnclosure | ForEach-Object { $_.ChassisTypes } | ForEach-Object { [int]$_ } }

Section 'encryption' {
    $volume = Get-WmiObject -Namespace root\CIMV2\Security\MicrosoftVolumeEncryption Win32_EncryptableVolume -Filter "DriveLetter='$env:SystemDrive'"
    if ($null -eq $volume) { throw "BitLocker: $env:SystemDrive ?" }
    @{ protection = [int]$volume.ProtectionStatus }
}

Section 'screen' {
    @{ inactivity = Value 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' 'InactivityTimeoutSecs' }
}

# Of the users who are logged in now.
Many 'screen_users' {
    foreach ($hive in Get-ChildItem 'Registry::HKEY_USERS') {
        if ($hive.PSChildName -match '^S-1-(5-21|12-1)-[0-9-]+$') {
            $user = "Registry::HKEY_USERS\$($hive.PSChildName)"
            $policy = "$user\Software\Policies\Microsoft\Windows\Control Panel\Desktop"
            $own = "$user\Control Panel\Desktop"
            @{
                active = Policy $policy $own 'ScreenSaveActive'
                secure = Policy $policy $own 'ScreenSaverIsSecure'
                timeout = Policy $policy $own 'ScreenSaveTimeOut'
            }
        }
    }
}

Many 'accounts' {
    Get-WmiObject Win32_UserAccount -Filter 'LocalAccount=True' | ForEach-Object {
        @{ sid = [string]$_.SID; disabled = [bool]$_.Disabled; password_required = [bool]$_.PasswordRequired }
    }
}

Many 'administrators' {
    $sid = New-Object Security.Principal.SecurityIdentifier 'S-1-5-32-544'
    $name = $sid.Translate([Security.Principal.NTAccount]).Value.Split('\')[-1]
    foreach ($member in @(([ADSI]"WinNT://./$name,group").Invoke('Members'))) {
        $bytes = $member.GetType().InvokeMember('objectSid', 'GetProperty', $null, $member, $null)
        (New-Object Security.Principal.SecurityIdentifier $bytes, 0).Value
    }
}

Section 'remote_desktop' {
    $policy = 'HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services'
    $key = 'HKLM:\SYSTEM\CurrentControlSet\Control\Terminal Server'
    @{
        denied = Policy $policy $key 'fDenyTSConnections'
        nla = Policy $policy "$key\WinStations\RDP-Tcp" 'UserAuthentication'
    }
}

Section 'smb1' {
    $feature = $null
    if ([int]$system.BuildNumber -ge 9200) {
        $feature = (Get-WmiObject Win32_OptionalFeature -Filter "Name='SMB1Protocol'").InstallState
        if ($null -eq $feature) { $feature = 3 }
    }
    @{ registry = Value 'HKLM:\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters' 'SMB1'; feature = $feature }
}

Section 'names' { @{ llmnr = Value 'HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\DNSClient' 'EnableMulticast' } }
Many 'netbios' {
    Get-WmiObject Win32_NetworkAdapterConfiguration -Filter 'IPEnabled=True' |
        Where-Object { $null -ne $_.TcpipNetbiosOptions } | ForEach-Object { [int]$_.TcpipNetbiosOptions }
}

Section 'autorun' {
    @{ drives = Value 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\Explorer' 'NoDriveTypeAutoRun' }
}

Many 'listening' {
    [Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().GetActiveTcpListeners() |
        Where-Object { -not [Net.IPAddress]::IsLoopback($_.Address) } | ForEach-Object { [int]$_.Port } | Sort-Object -Unique
}

Section 'clock' { @{ running = [bool]((Get-Service W32Time).Status -eq 'Running') } }
Many 'clock_status' { & "$env:SystemRoot\System32\w32tm.exe" /query /status | Select-Object -First 2 | ForEach-Object { [string]$_ } }

# Everyone, Users, Authenticated Users. 1 is FILE_READ_DATA.
$there = @($files | Where-Object { Test-Path -LiteralPath $_ })
Section 'own' { @{ count = $there.Count } }
Many 'own_files' {
    foreach ($file in $there) {
        $rules = (Get-Acl -LiteralPath $file).GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])
        $open = @($rules | Where-Object {
            $_.AccessControlType -eq 'Allow' -and ([int]$_.FileSystemRights -band 1) -and
            ('S-1-1-0', 'S-1-5-32-545', 'S-1-5-11' -contains $_.IdentityReference.Value)
        })
        if ($open.Count) { [string]$file }
    }
}

Tell
