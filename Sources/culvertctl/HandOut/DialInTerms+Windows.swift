// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives

extension DialInTerms {
    /// For an administrator's PowerShell: a connection of that name is replaced.
    func powerShellScript() throws(Problem) -> String {
        var lines = [
            "# \(server) for \(user): run in PowerShell as administrator (powershell -ExecutionPolicy Bypass -File THIS-FILE).",
            "#Requires -RunAsAdministrator",
            "$ErrorActionPreference = 'Stop'",
            "$name = \(name.powerShellQuoted)",
            "if (Get-VpnConnection -Name $name -AllUserConnection -ErrorAction SilentlyContinue) {",
            "    Remove-VpnConnection -Name $name -AllUserConnection -Force",
            "}",
            "Add-VpnConnection -Name $name -AllUserConnection -ServerAddress \(server.powerShellQuoted) `",
            "    -TunnelType L2tp -L2tpPsk \(try typedKey(for: .windows).powerShellQuoted) `",
            "    -AuthenticationMethod \(try powerShellMethod()) -EncryptionLevel Required `",
            "    -RememberCredential -Force" + (routes.isEmpty ? "" : " -SplitTunneling"),
        ]
        for route in routes {
            lines.append(
                "Add-VpnConnectionRoute -ConnectionName $name -AllUserConnection "
                    + "-DestinationPrefix '\(route)'"
            )
        }
        if !concealsNAT {
            lines += [
                "# The gateway may stand behind a NAT: Windows wants to be told, and a restart after it.",
                "Set-ItemProperty -Path HKLM:\\SYSTEM\\CurrentControlSet\\Services\\PolicyAgent `",
                "    -Name AssumeUDPEncapsulationContextOnSendRule -Type DWord -Value 2",
            ]
        }
        if let password = try typedPassword(), [name, user, password].allSatisfy(\.isWordForRasdial) {
            lines += [
                "# Connects now. Windows remembers the password only if it is typed into its own window.",
                "& rasdial.exe $name \(user.powerShellQuoted) \(password.powerShellQuoted)",
            ]
        } else {
            if password != nil {
                lines.append("# No password here: rasdial.exe does not take a name or a password like these.")
            }
            lines.append(
                "Write-Output \("Connect with user name \(user); Windows asks for the password.".powerShellQuoted)"
            )
        }
        // Windows takes a script for UTF-8 if it begins with a byte order mark only.
        let text = lines.joined(separator: "\r\n") + "\r\n"
        return text.utf8.allSatisfy { $0 < 0x80 } ? text : "\u{FEFF}" + text
    }

    private func powerShellMethod() throws(Problem) -> String {
        // The strongest that both have.
        for (method, name) in [(AuthenticationMethod.mschapv2, "MSChapv2"), (.chapMD5, "Chap"), (.pap, "Pap")]
        where authentication.contains(method) {
            return name
        }
        throw Problem("ppp.authentication has nothing that Windows speaks")
    }
}

extension String {
    /// PowerShell 5 hands quotation marks on unescaped; the program takes some words for options.
    fileprivate var isWordForRasdial: Bool {
        !contains("\"") && !hasSuffix("\\") && !hasPrefix("/") && self != "*" && !isEmpty
    }

    /// A literal of PowerShell, which takes typographic quotation marks for plain ones.
    var powerShellQuoted: String {
        var text = "'"
        for scalar in unicodeScalars {
            text.unicodeScalars.append(scalar)
            if ["'", "\u{2018}", "\u{2019}", "\u{201A}", "\u{201B}"].contains(scalar) {
                text.unicodeScalars.append(scalar)
            }
        }
        return text + "'"
    }
}
