# What each of our scripts begins with: it tells its facts as one JSON object on standard output (UTF-8), by `Tell` at its end.
# For PowerShell 2.0 (Windows 7) and later: no CIM commands, no ConvertTo-Json.
# Each section is told whole, or its error is told in its place. Nothing is changed, nothing is sent.

$ErrorActionPreference = 'Stop'
[Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false
$facts = @{}
$errors = @{}

function Text($value) {
    $out = New-Object System.Text.StringBuilder
    foreach ($c in ([string]$value).ToCharArray()) {
        $n = [int]$c
        if ($n -lt 32 -or $n -gt 126 -or $n -eq 34 -or $n -eq 92) { [void]$out.AppendFormat('\u{0:x4}', $n) }
        else { [void]$out.Append($c) }
    }
    '"' + $out.ToString() + '"'
}

function Json($value) {
    if ($null -eq $value) { return 'null' }
    if ($value -is [bool]) { if ($value) { return 'true' } else { return 'false' } }
    if ($value -is [string]) { return (Text $value) }
    if ($value -is [hashtable]) {
        return '{' + [string]::Join(',', @($value.Keys | ForEach-Object { (Text $_) + ':' + (Json $value[$_]) })) + '}'
    }
    if ($value -is [System.Collections.IEnumerable]) {
        return '[' + [string]::Join(',', @($value | ForEach-Object { Json $_ })) + ']'
    }
    return ([long]$value).ToString([Globalization.CultureInfo]::InvariantCulture)
}

function Section([string]$name, [scriptblock]$read) {
    try { $script:facts[$name] = & $read } catch { $script:errors[$name] = $_.Exception.Message }
}

# A list stays one, also with one item or none.
function Many([string]$name, [scriptblock]$read) {
    try { $script:facts[$name] = [object[]]@(& $read) } catch { $script:errors[$name] = $_.Exception.Message }
}

function Tell {
    $script:facts['errors'] = $script:errors
    Json $script:facts
}
