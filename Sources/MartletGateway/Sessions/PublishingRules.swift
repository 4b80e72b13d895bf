internal import MartletAccess
internal import MartletBackplane
internal import MartletCore
internal import MartletProtocol
internal import NIOCore

/// Who else has a say when a client publishes: the application's back end, and the user's quota. Confined to its hub's event loop.
struct PublishingRules {
  let services: GatewayServices
  let eventLoop: any EventLoop

  /// Nil: nobody has to be asked. Otherwise why the event may not be published, or nil if it may; never fails.
  func check(
    _ event: ClientEvent, in group: GroupName, _ route: Route, by subject: AccessSubject
  ) -> EventLoopFuture<Refusal?>? {
    guard route.access.hookEvents.contains(.publish) else { return nil }
    return Permission(services: services).publish(
      event.type, in: group, route, by: subject, on: eventLoop,
      event: { String(buffer: event.body.closed) })
  }
}
