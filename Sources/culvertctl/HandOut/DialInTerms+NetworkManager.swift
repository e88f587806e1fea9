// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives

extension DialInTerms {
    /// A keyfile for NetworkManager-l2tp 1.20 and later.
    func keyfile() throws(Problem) -> String {
        let refused: [(AuthenticationMethod, [String])] = [
            (.pap, ["pap"]), (.chapMD5, ["chap"]), (.mschapv2, ["mschapv2"]),
        ]
        var vpn = [
            "gateway=\(server.keyfileValue)", "user=\(user.keyfileValue)", "user-auth-type=password",
            "password-flags=\(password == nil ? 1 : 0)", "ipsec-enabled=yes", "machine-auth-type=psk",
            "ipsec-psk-flags=0", "refuse-eap=yes", "refuse-mschap=yes",
        ]
        for (method, names) in refused where !authentication.contains(method) {
            vpn += names.map { "refuse-\($0)=yes" }
        }
        vpn.append("service-type=org.freedesktop.NetworkManager.l2tp")
        // With 0s before it, any bytes.
        var secrets = ["ipsec-psk=0s\(key.base64)"]
        if let password = try typedPassword() { secrets.append("password=\(password.keyfileValue)") }
        var ipv4 = ["method=auto"]
        if !routes.isEmpty {
            ipv4.append("never-default=true")
            for (index, route) in routes.enumerated() { ipv4.append("route\(index + 1)=\(route)") }
        }
        return """
            # \(server) for \(user). As root, with network-manager-l2tp installed:
            #   install -m 600 THIS-FILE /etc/NetworkManager/system-connections/culvert.nmconnection
            #   nmcli connection reload
            [connection]
            id=\(name.keyfileValue)
            uuid=\(identifier("connection").lowercased())
            type=vpn
            autoconnect=false

            [vpn]
            \(vpn.joined(separator: "\n"))

            [vpn-secrets]
            \(secrets.joined(separator: "\n"))

            [ipv4]
            \(ipv4.joined(separator: "\n"))

            [ipv6]
            method=ignore

            """
    }
}

extension String {
    /// As GLib reads it: a blank at either end and backslashes would be taken for something else.
    fileprivate var keyfileValue: String {
        var text = ""
        for (index, character) in enumerated() {
            switch character {
            case "\\": text += "\\\\"
            case " " where index == 0 || index == count - 1: text += "\\s"
            case _: text.append(character)
            }
        }
        return text
    }
}
