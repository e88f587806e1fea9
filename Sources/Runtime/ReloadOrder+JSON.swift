// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials

extension ReloadOrder {

    /// From `{"dryRun":true}`; without a body, or without that, it is in earnest.
    package init(json: [UInt8]) throws(ControlRefusal) {
        guard !json.isEmpty else {
            self.init(isDryRun: false)
            return
        }
        guard let names = try? JSONDecoder().decode([String: Bool].self, from: Data(json)),
            names.keys.allSatisfy({ $0 == "dryRun" })
        else {
            throw ControlRefusal(
                400,
                "the body is not the JSON object that this path takes",
                remedy: #"{"dryRun":true} only tells what would change; without a body it is done"#
            )
        }
        self.init(isDryRun: names["dryRun"] ?? false)
    }
}
