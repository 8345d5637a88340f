"""Windows 7 and later is asked by PowerShell scripts that tell facts as JSON; what they mean is judged elsewhere."""
