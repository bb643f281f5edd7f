<#
Copies the expert advisor into each MetaTrader 5 of this user and compiles it there: calls minutehand ea install, which
does all of it.

    powershell -ExecutionPolicy Bypass -File mt5\install.ps1
    powershell -ExecutionPolicy Bypass -File mt5\install.ps1 -DataFolder "D:\MetaTrader 5"
#>
param([string]$DataFolder = '')

$program = Join-Path (Split-Path -Parent $PSScriptRoot) 'dist\cli\minutehand.js'
if (-not (Test-Path $program)) {
  Write-Host "$program is not there: run 'npm run build' first."
  exit 1
}
$options = @('ea', 'install')
if ($DataFolder -ne '') { $options += @('--data-folder', $DataFolder) }
& node $program @options
exit $LASTEXITCODE
