<#
Compiles the programs below Experts and Services with MetaEditor, on Windows, and writes compiled.json beside this file.

    powershell -ExecutionPolicy Bypass -File mt5\compile.ps1
    powershell -ExecutionPolicy Bypass -File mt5\compile.ps1 -MetaEditor "D:\MT5\metaeditor64.exe"

A program is compiled when MetaEditor's log says 0 errors and a fresh .ex5 file exists; the exit code of MetaEditor means
nothing. Exit code 1 when a program is not. Please send compiled.json, or commit it: minutehand doctor shows it.
#>
param([string]$MetaEditor = '')
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Home5 = Split-Path -Parent $MyInvocation.MyCommand.Path
# minutehand reads the logs again with the same pattern (cli/mt5_compilation.ts).
$ResultLine = 'Result:?\s+(\d+) error(?:s|\(s\))?, (\d+) warning'
$Limit = 120

function Find-MetaEditor {
  if ($MetaEditor -ne '') { return $MetaEditor }
  foreach ($folder in @($env:ProgramFiles, ${env:ProgramFiles(x86)}, "$env:LOCALAPPDATA\Programs")) {
    if (-not $folder) { continue }
    $found = Get-ChildItem -Path $folder -Filter 'metaeditor64.exe' -Recurse -Depth 2 -ErrorAction SilentlyContinue | Select-Object -First 1
    if ($found) { return $found.FullName }
  }
  throw 'metaeditor64.exe not found: install MetaTrader 5, or name it with -MetaEditor'
}

# SHA-256 of a file with Windows line ends as LF: a checkout may have changed them.
function Get-SourceHash([string]$Path) {
  $text = [IO.File]::ReadAllText($Path, [Text.Encoding]::UTF8).Replace("`r`n", "`n")
  return Get-Sha256 ([Text.UTF8Encoding]::new($false).GetBytes($text))
}

function Get-Sha256([byte[]]$Bytes) {
  $sha = [Security.Cryptography.SHA256]::Create()
  return ([BitConverter]::ToString($sha.ComputeHash($Bytes)) -replace '-', '').ToLowerInvariant()
}

# One line "<hash>  <path>" per source in the order of their paths' characters, and the hash of all lines.
function Get-SourcesHash {
  $paths = New-Object 'System.Collections.Generic.List[string]'
  foreach ($folder in @('Experts', 'Include', 'Services')) {
    if (-not (Test-Path "$Home5\$folder")) { continue }
    foreach ($file in Get-ChildItem -Path "$Home5\$folder" -Recurse -File) {
      if ($file.Extension -ne '.mq5' -and $file.Extension -ne '.mqh') { continue }
      $paths.Add($file.FullName.Substring($Home5.Length + 1).Replace('\', '/'))
    }
  }
  $paths.Sort([StringComparer]::Ordinal)
  $lines = ''
  foreach ($path in $paths) { $lines += (Get-SourceHash "$Home5\$path") + '  ' + $path + "`n" }
  return Get-Sha256 ([Text.Encoding]::ASCII.GetBytes($lines))
}

function Invoke-Compiler([string]$Editor, [string]$Source, [string]$Stage) {
  $log = [IO.Path]::ChangeExtension($Source, '.log')
  $ex5 = [IO.Path]::ChangeExtension($Source, '.ex5')
  Remove-Item $log, $ex5 -ErrorAction SilentlyContinue
  $process = Start-Process -FilePath $Editor -ArgumentList "/compile:`"$Source`"", "/include:`"$Stage`"", "/log:`"$log`"" -PassThru
  if (-not $process.WaitForExit($Limit * 1000)) { $process.Kill() }
  $text = ''
  if (Test-Path $log) { $text = [IO.File]::ReadAllText($log) }
  $bytes = 0
  $hash = ''
  if (Test-Path $ex5) {
    $bytes = (Get-Item $ex5).Length
    $hash = Get-Sha256 ([IO.File]::ReadAllBytes($ex5))
  }
  $lines = @($text -split "`r?`n" | Where-Object { $_.Trim() -ne '' } | ForEach-Object { $_.Replace($Stage, 'MQL5') })
  return [ordered]@{ log = $lines; ex5_bytes = $bytes; ex5_sha256 = $hash }
}

$editor = Find-MetaEditor
# A folder of its own: no .ex5 file of an earlier compilation is there.
$stage = Join-Path ([IO.Path]::GetTempPath()) "minutehand-mql5-$PID"
New-Item -ItemType Directory -Path $stage | Out-Null
try {
  foreach ($folder in @('Experts', 'Include', 'Services')) {
    if (Test-Path "$Home5\$folder") { Copy-Item "$Home5\$folder" $stage -Recurse }
  }
  $programs = @()
  $isFine = $true
  foreach ($file in Get-ChildItem -Path "$stage\Experts", "$stage\Services" -Filter '*.mq5' -Recurse -ErrorAction SilentlyContinue) {
    $name = $file.FullName.Substring($stage.Length + 1).Replace('\', '/')
    $program = Invoke-Compiler $editor $file.FullName $stage
    $match = [regex]::Match(($program.log -join "`n"), $ResultLine)
    $isCompiled = $match.Success -and $match.Groups[1].Value -eq '0' -and $program.ex5_bytes -gt 0
    if (-not $isCompiled) { $isFine = $false }
    Write-Host "$name : $($match.Value), .ex5 $($program.ex5_bytes) bytes"
    $programs += [ordered]@{ path = $name } + $program
  }
  $result = [ordered]@{
    schema         = 'minutehand.mt5_compilation/1'
    sources_sha256 = Get-SourcesHash
    metaeditor     = (Get-Item $editor).VersionInfo.FileVersion
    compiled_at    = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ')
    programs       = $programs
  }
  $json = ConvertTo-Json $result -Depth 6
  [IO.File]::WriteAllText("$Home5\compiled.json", $json + "`n", [Text.UTF8Encoding]::new($false))
  Write-Host "written: $Home5\compiled.json"
  if (-not $isFine -or $programs.Count -eq 0) { exit 1 }
}
finally {
  Remove-Item $stage -Recurse -Force -ErrorAction SilentlyContinue
}
