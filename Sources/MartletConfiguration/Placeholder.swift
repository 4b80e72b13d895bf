enum MartletConfigurationPlaceholder {}
