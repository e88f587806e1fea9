// SPDX-License-Identifier: Apache-2.0
internal import ConfigFile
internal import Primitives

/// The sockets the daemon is found by, opened before it lets go of what it needed for that. If nobody
/// comes to serve the control socket, its file goes away with the value.
package final class OpenedSockets {
    let ike: IKESockets
    private var control: OwnedDescriptor?
    private let metrics: MetricsSettings
    private var metricsSocket: OwnedDescriptor?
    private let file: ControlSocketFile
    private let path: String

    init(
        listen: IKESockets.Listen,
        control: ControlSocketSettings,
        metrics: MetricsSettings = MetricsSettings(),
        owner: ProcessUser?
    ) throws(StartProblem) {
        do {
            ike = try IKESockets(listen)
        } catch {
            throw StartProblem(error)
        }
        path = control.path
        self.metrics = metrics
        if let local = metrics.listen { metricsSocket = try MetricsServer.listen(local) }
        do {
            let (descriptor, file) = try ControlSocketFile.open(
                path: control.path,
                mode: control.mode,
                group: control.group,
                owner: owner
            )
            self.control = OwnedDescriptor(adopting: descriptor)
            self.file = file
        } catch {
            throw StartProblem(error, path: control.path)
        }
    }

    deinit {
        if control != nil { file.remove() }
    }

    /// Serves the control socket from now on. To be called once.
    func serveControl(_ mailbox: Mailbox<ShardMessage>, limits: ControlSocket.Limits) throws -> ControlSocket {
        guard let descriptor = control.take()?.release() else { throw StartProblem("\(path) is served", remedy: nil) }
        return try ControlSocket(descriptor: descriptor, file: file, mailbox: mailbox, limits: limits)
    }

    /// Serves metrics from now on; `nil` if nobody wants them.
    func serveMetrics(_ mailbox: Mailbox<ShardMessage>) throws -> MetricsServer? {
        guard let descriptor = metricsSocket.take()?.release(), let local = metrics.listen else { return nil }
        return try MetricsServer(
            descriptor: descriptor,
            mailbox: mailbox,
            serving: MetricsServer.Offer(hasPage: metrics.page, isLoopback: local.address.isLoopback)
        )
    }
}
