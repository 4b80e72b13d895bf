enum MartletCorePlaceholder {}
