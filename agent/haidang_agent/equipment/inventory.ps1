# Tells the facts that windows.py counts; no name of a person, a queue or a file is among them.

. (Join-Path (Split-Path -Parent $MyInvocation.MyCommand.Path) '..\powershell\telling.ps1')

# Video and printer interfaces on USB that are there now, whatever driver they have; and all that Windows calls cameras.
Many 'usb' {
    Get-WmiObject Win32_PnPEntity | ForEach-Object {
        $id = [string]$_.PNPDeviceID
        $compatible = [string]::Join(' ', @($_.CompatibleID | Where-Object { $_ }))
        $camera = [string]$_.ClassGuid -eq '{ca3e7ab9-b4c3-4ae6-8251-579ef933890f}'
        if ($id -like 'USB\*' -and ($camera -or $compatible -match 'USB\\Class_(07|0e)')) {
            @{ id = $id; compatible = $compatible; camera = [bool]$camera }
        }
    }
}

# A spooler that does not run has no printers to tell.
Many 'printers' {
    if ((Get-Service Spooler).Status -ne 'Running') { throw 'Spooler' }
    Get-WmiObject Win32_Printer | ForEach-Object { @{ port = [string]$_.PortName; driver = [string]$_.DriverName } }
}

# What screens tell of themselves (EDID), joined by the name of the screen's instance.
Many 'screens' {
    $names = @{}
    Get-WmiObject -Namespace root\wmi WmiMonitorID | ForEach-Object {
        $letters = @($_.UserFriendlyName | Where-Object { $_ } | ForEach-Object { [char]$_ })
        $names[[string]$_.InstanceName] = [string]::Join('', $letters)
    }
    $technologies = @{}
    Get-WmiObject -Namespace root\wmi WmiMonitorConnectionParams | ForEach-Object {
        $technologies[[string]$_.InstanceName] = [long]$_.VideoOutputTechnology
    }
    Get-WmiObject -Namespace root\wmi WmiMonitorBasicDisplayParams | Where-Object { $_.Active } | ForEach-Object {
        $instance = [string]$_.InstanceName
        @{
            model = $instance.Split('\')[1]
            name = $names[$instance]
            width = [int]$_.MaxHorizontalImageSize
            height = [int]$_.MaxVerticalImageSize
            technology = $technologies[$instance]
        }
    }
}

Tell
