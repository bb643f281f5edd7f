<#
Copies the expert advisor into the data folder of each MetaTrader 5 of this user, compiles it there with the terminal's
MetaEditor, and checks the folder that terminals and minutehand share.

    powershell -ExecutionPolicy Bypass -File mt5\install.ps1
    powershell -ExecutionPolicy Bypass -File mt5\install.ps1 -DataFolder "C:\Users\me\AppData\Roaming\MetaQuotes\Terminal\ABC"

A portable terminal has its data beside terminal64.exe: name that folder. The log of each compilation stays beside the
source (Minutehand.log). Exit code 1 when there is no terminal, or when a program does not compile.
#>
param([string]$DataFolder = '')
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Source = Split-Path -Parent $MyInvocation.MyCommand.Path
$Terminals = "$env:APPDATA\MetaQuotes\Terminal"
# As in compile.ps1: the exit code of MetaEditor means nothing.
$ResultLine = 'Result:?\s+(\d+) error(?:s|\(s\))?, (\d+) warning'
$Limit = 120

function Get-DataFolders {
  if ($DataFolder -ne '') {
    if (-not (Test-Path "$DataFolder\MQL5")) { throw "$DataFolder has no folder MQL5: in the terminal, File, Open Data Folder shows the right one" }
    return @($DataFolder)
  }
  if (-not (Test-Path $Terminals)) { return @() }
  return @(Get-ChildItem -Path $Terminals -Directory | Where-Object { Test-Path "$($_.FullName)\MQL5" } | ForEach-Object { $_.FullName })
}

# The program folder of a terminal is named in origin.txt of its data folder.
function Get-MetaEditor([string]$Data) {
  $places = @($Data)
  if (Test-Path "$Data\origin.txt") { $places += ([IO.File]::ReadAllText("$Data\origin.txt")).Trim() }
  foreach ($place in $places) {
    if (Test-Path "$place\metaeditor64.exe") { return "$place\metaeditor64.exe" }
  }
  return ''
}

function Invoke-Compiler([string]$Editor, [string]$Program, [string]$Mql5) {
  $log = [IO.Path]::ChangeExtension($Program, '.log')
  $ex5 = [IO.Path]::ChangeExtension($Program, '.ex5')
  Remove-Item $log, $ex5 -ErrorAction SilentlyContinue
  $process = Start-Process -FilePath $Editor -ArgumentList "/compile:`"$Program`"", "/include:`"$Mql5`"", "/log:`"$log`"" -PassThru
  if (-not $process.WaitForExit($Limit * 1000)) { $process.Kill() }
  $text = ''
  if (Test-Path $log) { $text = [IO.File]::ReadAllText($log) }
  $match = [regex]::Match($text, $ResultLine)
  $isCompiled = $match.Success -and $match.Groups[1].Value -eq '0' -and (Test-Path $ex5)
  if ($isCompiled) { Write-Host "  compiled: $Program ($($match.Value))" }
  else { Write-Host "  NOT COMPILED: $Program; see $log" }
  return $isCompiled
}

$folders = @(Get-DataFolders)
if ($folders.Count -eq 0) {
  Write-Host "No terminal has run here: $Terminals is empty. Start MetaTrader 5 once, or name its folder with -DataFolder."
  exit 1
}

$isFine = $true
foreach ($data in $folders) {
  Write-Host $data
  foreach ($part in @('Experts', 'Include', 'Services')) {
    if (-not (Test-Path "$Source\$part")) { continue }
    New-Item -ItemType Directory -Path "$data\MQL5\$part" -Force | Out-Null
    Copy-Item "$Source\$part\*" "$data\MQL5\$part" -Recurse -Force
    Write-Host "  copied: $part"
  }
  $editor = Get-MetaEditor $data
  if ($editor -eq '') {
    Write-Host '  no metaeditor64.exe beside this terminal: open MQL5\Experts\Minutehand.mq5 in MetaEditor and press F7'
    continue
  }
  foreach ($part in @('Experts', 'Services')) {
    if (-not (Test-Path "$Source\$part")) { continue }
    foreach ($file in Get-ChildItem -Path "$Source\$part" -Filter '*.mq5' -File) {
      if (-not (Invoke-Compiler $editor "$data\MQL5\$part\$($file.Name)" "$data\MQL5")) { $isFine = $false }
    }
  }
}

$exchange = "$Terminals\Common\Files\minutehand"
New-Item -ItemType Directory -Path $exchange -Force | Out-Null
$probe = "$exchange\.install-$PID"
[IO.File]::WriteAllText($probe, 'x')
Remove-Item $probe
Write-Host "shared folder: $exchange can be written"
if ($env:MINUTEHAND_EXCHANGE -ne $exchange) {
  Write-Host "  MINUTEHAND_EXCHANGE is '$env:MINUTEHAND_EXCHANGE'. Set it, and open a new prompt: setx MINUTEHAND_EXCHANGE `"$exchange`""
}
Write-Host 'For bars over HTTP: Tools, Options, Expert Advisors, "Allow WebRequest for listed URL": http://127.0.0.1:7400'
if (-not $isFine) { exit 1 }
