enum MartletDaemonPlaceholder {}
