// SPDX-License-Identifier: Apache-2.0
import PPP

extension DialInTerms {
    /// For the terminal of RouterOS 6 and 7.
    func routerOSCommands() throws(Problem) -> String {
        let names: [(AuthenticationMethod, String)] = [(.mschapv2, "mschap2"), (.chapMD5, "chap"), (.pap, "pap")]
        let allowed = names.filter { authentication.contains($0.0) }.map(\.1)
        let secret = try typedPassword() ?? ""
        return """
            # \(server) for \(user): paste into a terminal of RouterOS.
            /interface l2tp-client
            add name=\(name.routerOSQuoted) connect-to=\(server.routerOSQuoted) user=\(user.routerOSQuoted) \\
                password=\(secret.routerOSQuoted) use-ipsec=yes ipsec-secret=\(try typedKey(for: .routeros).routerOSQuoted) \\
                allow=\(allowed.joined(separator: ",")) profile=default add-default-route=no disabled=no

            """
                + (secret.isEmpty
                    ? """
                    # The password is not in here: /interface l2tp-client set \(name.routerOSQuoted) password="THE PASSWORD"

                    """ : "")
    }
}

extension String {
    /// A string of RouterOS; what its shell would read in it stands as two hexadecimal digits.
    fileprivate var routerOSQuoted: String {
        var text = "\""
        for byte in utf8 {
            switch byte {
            case 0x22, 0x24, 0x3F, 0x5C, ..<0x20, 0x7F...:
                text += "\\" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            case _: text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return text + "\""
    }
}
