// SPDX-License-Identifier: Apache-2.0

extension DialInTerms {
    /// What to tap and to type.
    func androidSteps() throws(Problem) -> String {
        """
        \(server) for \(user), on Android up to 11. (Android 12 and later cannot make such connections.)

        Settings, Network & internet, VPN, +
          Name                      \(name)
          Type                      L2TP/IPSec PSK
          Server address            \(server)
          L2TP secret               (leave empty)
          IPSec identifier          \(group ?? "(leave empty)")
          IPSec pre-shared key      \(try typedKey(for: .android))
        Save, tap \(name), and give
          Username                  \(user)
          Password                  \(try typedPassword() ?? "(yours)")

        """
    }
}
