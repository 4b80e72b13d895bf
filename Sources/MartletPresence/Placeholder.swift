enum MartletPresencePlaceholder {}
